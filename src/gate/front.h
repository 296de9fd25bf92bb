/* What the gate's HTTP server tells: see net/server.h. Inside the gate only. */
#pragma once

struct http_events;

extern const struct http_events front_events;
