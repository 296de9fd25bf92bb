/*
 * Our side of tests/forms/compare.py: forms from standard input, each as "SIZE TYPE", a line end
 * and so many bytes; of each, what it says on standard output, a part a line in hexadecimal digits,
 * and "fine" or why not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "wire/multipart.h"

#define TYPE_LINE 1024

static void print_hex(const char *name, struct str text)
{
    (void)printf(" %s=", name);
    for (size_t i = 0; i < text.len; i++) {
        (void)printf("%02x", (unsigned char)text.ptr[i]);
    }
}

static void print_item(const struct multipart_item *item)
{
    switch (item->kind) {
    case MULTIPART_FIELD:
        (void)printf("field");
        print_hex("name", item->name);
        print_hex("value", item->value);
        (void)printf("\n");
        break;
    case MULTIPART_FILE:
        (void)printf("file");
        print_hex("name", item->name);
        print_hex("file", item->file_name);
        print_hex("type", item->type);
        (void)printf("\n");
        break;
    case MULTIPART_DATA:
        (void)printf("data");
        print_hex("value", item->value);
        (void)printf("\n");
        break;
    case MULTIPART_FILE_END:
    case MULTIPART_END:
        break;
    }
}

static void say(struct str type, struct str body)
{
    struct multipart reader;
    struct multipart_item item;
    if (multipart_init(&reader, type, STR("file"))) {
        while (multipart_next(&reader, &body, &item) == WIRE_DONE) {
            print_item(&item);
        }
        EP_IGNORE(multipart_done(&reader));
        multipart_fini(&reader);
    }
    (void)printf("%s\n", reader.bad == MULTIPART_FINE ? "fine" : multipart_why(reader.bad));
}

int main(void)
{
    char line[TYPE_LINE];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct str type = str_from(line);
        struct str digits = str_cut(&type, ' ');
        uint64_t size = 0;
        if (!str_to_u64(digits, &size) || type.len == 0) {
            return 2;
        }
        char *body = malloc(size + 1);
        if (body == NULL || fread(body, 1, size, stdin) != size) {
            free(body);
            return 2;
        }
        say(str_slice(type, 0, type.len - 1), (struct str){ body, size });
        free(body);
    }
    return 0;
}
