/* Images: a prompt in, or pictures to be changed or varied (an upload); pictures out, paid for by
 * the picture or by tokens. Gate only. */
#pragma once

#include "gate/call_service.h"

extern const struct call_service call_images;
