/*
 * What the answers of services beside chat say alike: whether they are an object, an error, an
 * object or a string of some name, and which of the places that were asked for are taken. Pure.
 */
#pragma once

#include "wire/json.h"

/* *body becomes the object that it is, without what stands around it. False: it is none. */
EP_MUST_CHECK bool told_open(struct str *body);
/* Whether it has an "error" that is not null. */
bool told_error(struct str object);
/* The member, where it is of that kind; else empty. */
struct str told_object(struct str object, struct str name);
struct str told_string(struct str object, struct str name);
/* Takes place `index` of `count` in `bits`, which has as many and is zero at first. False: there is
 * none, or it is taken. */
EP_MUST_CHECK bool told_place(uint64_t *bits, int64_t index, int64_t count);
