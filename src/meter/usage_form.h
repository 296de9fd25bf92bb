/*
 * Usage as a client of each dialect reads it: written from classes. Pure.
 *
 * What a form cannot name is told as what it is a part of, so that its sums are always those of the
 * classes: reading what was written, by the rule of the form's own surface, gives the same classes,
 * but for
 *
 *   chat       in_tool is input; cache writes have no life time; which class was cached is not told
 *   responses  likewise; sounds and pictures are text; 30 minutes and 12 hours are told apart when
 *              nothing else was written
 *   anthropic  sounds, pictures and tools' results are text; writes for other than 5 minutes and an
 *              hour are input
 *   gemini     cache writes are input
 */
#pragma once

#include "base/buf.h"
#include "meter/usage.h"
#include "meter/usage_surface.h"

enum usage_form {
    USAGE_FORM_CHAT,
    USAGE_FORM_RESPONSES,
    USAGE_FORM_ANTHROPIC,
    USAGE_FORM_GEMINI,
    USAGE_FORMS
};

#define USAGE_FORM_MAX 1024 /* bytes: a form has at most 16 names and numbers of 10 digits */

/* The surface that reads it. */
enum usage_surface usage_form_surface(enum usage_form form);
/* Appends one JSON object; no class is below 0. ERR_LIMIT, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err usage_form_write(enum usage_form form, const struct usage *usage,
                                        struct buf *out);
