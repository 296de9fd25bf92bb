/* Forms written: see multipart.h. */
#include "wire/multipart.h"

static enum err write_quoted(struct buf *out, struct str text)
{
    TRY(buf_byte(out, '"'));
    while (text.len > 0) {
        size_t quote = str_find(text, '"');
        TRY(buf_append(out, str_slice(text, 0, quote)));
        if (quote < text.len) {
            TRY(buf_append(out, STR("%22")));
            quote++;
        }
        text = str_from_at(text, quote);
    }
    return buf_byte(out, '"');
}

static enum err write_name(struct buf *out, struct str boundary, struct str name)
{
    ASSERT(boundary.len > 0 && boundary.len <= MULTIPART_BOUNDARY_MAX);
    const struct str parts[] = { STR("--"), boundary,
                                 STR("\r\nContent-Disposition: form-data; name=") };
    TRY(buf_append_all(out, parts, EP_ARRAY_LEN(parts)));
    return write_quoted(out, name);
}

enum err multipart_write_field(struct buf *out, struct str boundary, struct str name,
                               struct str value)
{
    const struct str parts[] = { STR("\r\n\r\n"), value, STR("\r\n") };
    TRY(write_name(out, boundary, name));
    return buf_append_all(out, parts, EP_ARRAY_LEN(parts));
}

enum err multipart_write_file(struct buf *out, struct str boundary, struct str name,
                              struct str file_name, struct str type)
{
    TRY(write_name(out, boundary, name));
    TRY(buf_append(out, STR("; filename=")));
    TRY(write_quoted(out, file_name));
    if (type.len > 0) {
        const struct str parts[] = { STR("\r\nContent-Type: "), type };
        TRY(buf_append_all(out, parts, EP_ARRAY_LEN(parts)));
    }
    return buf_append(out, STR("\r\n\r\n"));
}

enum err multipart_write_file_end(struct buf *out)
{
    return buf_append(out, STR("\r\n"));
}

enum err multipart_write_end(struct buf *out, struct str boundary)
{
    const struct str parts[] = { STR("--"), boundary, STR("--\r\n") };
    return buf_append_all(out, parts, EP_ARRAY_LEN(parts));
}
