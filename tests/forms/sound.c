/* Our side of tests/forms/sounds.py: of each file that is named, its kind and its length in ms
 * ("-": unknown), read in pieces of 64 KiB, and again in small ones. */
#include <stdio.h>

#include "meter/sound.h"

#define PIECE ((size_t)64 * 1024)

static bool length(FILE *file, size_t step, struct sound *sound, int64_t *ret_ms)
{
    static char bytes[PIECE];
    size_t size = 0;
    rewind(file);
    sound_init(sound);
    while ((size = fread(bytes, 1, step, file)) > 0) {
        sound_feed(sound, (struct str){ bytes, size });
    }
    return sound_length(sound, ret_ms);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct sound sound;
        int64_t ms = 0;
        int64_t again = 0;
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            return 2;
        }
        bool known = length(file, PIECE, &sound, &ms);
        bool alike = length(file, 7, &sound, &again) == known && ms == again;
        (void)fclose(file);
        if (!alike) {
            (void)fprintf(stderr, "\"%s\" differs in small pieces\n", argv[i]);
            return 1;
        }
        (void)printf("%s ", sound_kind_name(sound.kind));
        (void)(known ? printf("%lld\n", (long long)ms) : printf("-\n"));
    }
    return 0;
}
