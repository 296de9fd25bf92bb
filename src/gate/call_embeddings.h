/* Embeddings: texts or token ids in, vectors out, input alone is paid for. Gate only. */
#pragma once

#include "gate/call_service.h"

extern const struct call_service call_embeddings;
