/*
 * What toys say when their day, their budget or the credit is used up: a sound file that the
 * operator has recorded, since no source may be asked any more, and who speaks with a toy may not
 * read what it shows. Pure.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#define VOICE_FAREWELL_MS_MAX    10000             /* a sentence or two */
#define VOICE_FAREWELL_BYTES_MAX ((size_t)2 << 20) /* that long, at 48 kHz and two channels */

/* ERR_SOUND: it is no WAV file that a toy could say; ERR_LIMIT: it is too long; ERR_NO_MEMORY.
 * `fail` says what is wrong. */
EP_MUST_CHECK enum err voice_farewell_check(struct str wav, struct fail *fail);
