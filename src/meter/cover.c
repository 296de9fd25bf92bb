#include "meter/cover.h"

bool cover_is_whole(const struct cover *cover)
{
    ASSERT(cover->held > 0 && cover->held <= cover->most);
    return cover->held == cover->most;
}

bool cover_due(const struct cover *cover, int64_t delivered)
{
    ASSERT(delivered >= 0);
    return !cover_is_whole(cover) && cover->held - delivered <= cover->step / 5;
}

int64_t cover_next(const struct cover *cover, int64_t delivered)
{
    ASSERT(cover->step > 0);
    int64_t from = delivered > cover->held ? delivered : cover->held;
    return from >= cover->most - cover->step ? cover->most : from + cover->step;
}
