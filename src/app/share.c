#include "app/share.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder `name` of a checkout's `part`, or among this program's installed files. */
static bool share_find_in(const char *part, const char *name, char path[SHARE_PATH_MAX])
{
    /* build/release/entrepot has it in PART/NAME, bin/entrepot in share/entrepot/NAME. */
    const char *const places[] = { part, "/../share/entrepot/" };
    char self[SHARE_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0) {
        return false;
    }
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    ASSERT(slash != NULL); /* the link holds an absolute path */
    *slash = '\0';
    for (size_t i = 0; i < EP_ARRAY_LEN(places); i++) {
        char tried[SHARE_PATH_MAX];
        char real[PATH_MAX];
        int size = snprintf(tried, sizeof(tried), "%s%s%s", self, places[i], name);
        if (size > 0 && (size_t)size < sizeof(tried) && realpath(tried, real) != NULL) {
            (void)snprintf(path, SHARE_PATH_MAX, "%s", real); /* as large */
            return true;
        }
    }
    return false;
}

static bool share_find(const char *name, char path[SHARE_PATH_MAX])
{
    return share_find_in("/../../share/", name, path);
}

bool share_verify(char path[SHARE_PATH_MAX])
{
    return share_find_in("/../../web/", "verify", path);
}

bool share_vocabularies(char path[SHARE_PATH_MAX])
{
    return share_find("vocab", path);
}

bool share_geo(char path[SHARE_PATH_MAX])
{
    char first[SHARE_PATH_MAX];
    char second[SHARE_PATH_MAX];
    return share_find("geo/" SHARE_GEO_A, first) && share_find("geo/" SHARE_GEO_B, second) &&
           share_find("geo", path);
}
