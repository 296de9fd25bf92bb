/* room: wire */
#include "wire/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml_doc *doc = NULL;
    struct yaml_fault fault;
    if (yaml_parse((struct str){ (const char *)data, size }, &doc, &fault) == ERR_OK) {
        ASSERT(yaml_root(doc) != NULL);
        yaml_destroy(doc);
    } else {
        ASSERT(fault.text[0] != '\0');
    }
    return 0;
}
