/*
 * Named points at which a test ends the process as a power cut would: SIGKILL, nothing is flushed,
 * nothing is tidied. Only builds with EP_CRASH_POINTS have them (preset `crash`); in all others a
 * point is nothing at all.
 *
 * EP_CRASH=NAME:COUNT in the environment kills the process when it reaches the point NAME for the
 * COUNT-th time, whichever thread gets there. tests/e2e/test_crash_points.py goes over all points.
 */
#pragma once

#include "base/err.h"

#ifdef EP_CRASH_POINTS
#    define EP_CRASH_POINT(name) crash_point(name)
#else
#    define EP_CRASH_POINT(name) ((void)0)
#endif

/* What a point does. Threads: any. */
void crash_point(const char *name);
