/* What was said in a recording: see call_service.h. Inside the gate only. */
#pragma once

#include "gate/call_service.h"

extern const struct call_service call_transcription;
