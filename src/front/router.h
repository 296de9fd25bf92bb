/* Sends requests to who serves them: what net/server.h tells. Inside the front only. */
#pragma once

struct http_events;

extern const struct http_events router_events;
