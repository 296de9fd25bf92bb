/*
 * Runs a fuzz target over the files of its corpus, as an ordinary test: every input that was ever
 * interesting, on every build.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        (void)fprintf(stderr, "could not open \"%s\"\n", path);
        return 1;
    }
    static uint8_t data[1 << 20]; /* larger inputs are cut: a corpus holds small ones */
    size_t size = fread(data, 1, sizeof(data), file);
    (void)fclose(file);
    /* A copy of the exact size, so that a sanitizer sees every over-read. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) {
        return 1;
    }
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    DIR *folder = opendir(argv[1]);
    if (folder == NULL) {
        (void)fprintf(stderr, "could not open the corpus \"%s\"\n", argv[1]);
        return 1;
    }
    int failed = 0;
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        failed += replay_file(path);
        count++;
    }
    (void)closedir(folder);
    (void)printf("%d inputs replayed\n", count);
    return failed > 0 || count == 0;
}
