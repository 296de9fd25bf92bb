/* room: policy */
#include "policy/mmdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fuzz_fine(uint16_t country)
{
    unsigned first = country >> 8;
    unsigned second = country & 0xffU;
    return country == 0 || (first >= 'A' && first <= 'Z' && second >= 'A' && second <= 'Z');
}

/* Whatever the file, it is refused, or its tables cover all addresses in order. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mmdb_table table;
    struct fail fail;
    enum err err = mmdb_read((struct str){ (const char *)data, size }, "fuzz", &table, &fail);
    if (err != ERR_OK) {
        ASSERT(err == ERR_GEO || err == ERR_NO_MEMORY);
        return 0;
    }
    ASSERT(table.count4 > 0 && table.first4[0] == 0);
    for (size_t i = 0; i < table.count4; i++) {
        ASSERT(i == 0 || table.first4[i] > table.first4[i - 1]);
        ASSERT(fuzz_fine(table.country4[i]));
        uint32_t first = table.first4[i];
        unsigned char bytes[4] = { (unsigned char)(first >> 24), (unsigned char)(first >> 16),
                                   (unsigned char)(first >> 8), (unsigned char)first };
        struct ip ip = ip_from_v4(bytes);
        ASSERT(mmdb_find(&table, &ip) == table.country4[i]);
    }
    for (size_t i = 0; i < table.count6; i++) {
        const struct mmdb_key6 *row = &table.first6[i];
        ASSERT(i == 0 || row->high > row[-1].high ||
               (row->high == row[-1].high && row->low > row[-1].low));
        ASSERT(fuzz_fine(table.country6[i]));
    }
    mmdb_fini(&table);
    return 0;
}
