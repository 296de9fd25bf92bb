/* What a client understands of an answer: read from the bytes as they come, by the text that the
 * simulated upstreams write, and without the code that the server reads them with. */
#pragma once

#include "play.h"
#include "wire/http1.h"

void client_read_head(struct sale *sale, const struct http1_head *head);
/* Whole events of a stream; how many bytes they are. */
size_t client_read_events(struct sale *sale, struct str text);
/* The whole body, once it has ended. */
void client_read_whole(struct sale *sale, struct str text);
/* "0.0012" as nano; -1: it is no amount. */
int64_t client_read_money(struct str text);
/* The text of a number behind `name`; empty: it is not there. */
struct str client_read_number(struct str text, struct str name);
