/* What may stand where in an HTTP message: shared by heads and trailers. */
#pragma once

#include "wire/http1.h"

/* RFC 9110 tchar. */
bool http1_is_token(char byte);
/* Visible, space, tab or above ASCII: what may stand in a value. */
bool http1_is_value(char byte);
