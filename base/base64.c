/* base64.c - see base64.h. */
#include "base/base64.h"

#include <nettle/base64.h>


cairn_status base64_append(bytes *out, const void *data, size_t n)
{
    size_t len;
    cairn_status st;

    if (!n)
        return CAIRN_OK;
    if (n > SIZE_MAX / 2)
        return CAIRN_ELIMIT;
    len = BASE64_ENCODE_RAW_LENGTH(n);
    st = bytes_reserve(out, len);
    if (st)
        return st;
    base64_encode_raw(out->data + out->len, n, data);
    out->len += len;
    out->data[out->len] = 0;
    return CAIRN_OK;
}

cairn_status base64url_append(bytes *out, const void *data, size_t n)
{
    size_t begin = out->len;
    cairn_status st = base64_append(out, data, n);

    if (st)
        return st;
    while (out->len > begin && out->data[out->len - 1] == '=')
        out->data[--out->len] = 0;
    for (size_t i = begin; i < out->len; i++)
        if (out->data[i] == '+')
            out->data[i] = '-';
        else if (out->data[i] == '/')
            out->data[i] = '_';
    return CAIRN_OK;
}

cairn_status base64_decode(bytes *out, const char *text, size_t len)
{
    struct base64_decode_ctx ctx;
    size_t n, begin = out->len;
    cairn_status st;

    if (!len)
        return CAIRN_OK;
    st = bytes_reserve(out, BASE64_DECODE_LENGTH(len));
    if (st)
        return st;
    base64_decode_init(&ctx);
    if (!base64_decode_update(&ctx, &n, (uint8_t *)out->data + begin, len, text) ||
        !base64_decode_final(&ctx)) {
        out->data[begin] = 0;
        return CAIRN_EINPUT;
    }
    out->len += n;
    out->data[out->len] = 0;
    return CAIRN_OK;
}
