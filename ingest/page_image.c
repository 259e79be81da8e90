/* page_image.c - see page_image.h. The format: PNG, third edition (W3C, 2025), sections 5.3
 * and 11.2. */
#include "ingest/page_image.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_LEN 8
#define CHUNK_AROUND  12 /* length, type and checksum */
#define IHDR_LEN      13

void page_image_clear(page_image *image)
{
    free(image->marks);
    free(image->png);
    *image = (page_image){0};
}

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A chunk that may follow the header: pixels, the end, and the background that cairo names. */
static bool is_allowed(const uint8_t *chunk, size_t n)
{
    return !memcmp(chunk + 4, "IDAT", 4) || !memcmp(chunk + 4, "IEND", 4) ||
           (!memcmp(chunk + 4, "bKGD", 4) && n == 6);
}

static bool is_header(const uint8_t *chunk, size_t n, uint32_t width, uint32_t height)
{
    const uint8_t *d = chunk + 8;

    return n == IHDR_LEN && !memcmp(chunk + 4, "IHDR", 4) && big_endian(d) == width &&
           big_endian(d + 4) == height && d[8] == 8 && (d[9] == 2 || d[9] == 6) && !d[10] &&
           !d[11] && !d[12];
}

cairn_status page_image_check(const void *png, size_t len, uint32_t width, uint32_t height,
                              cairn_error *err)
{
    static const uint8_t signature[SIGNATURE_LEN] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    const uint8_t *p = png;
    size_t at = SIGNATURE_LEN, n_data = 0;

    if (!width || !height || width > PAGE_IMAGE_WIDTH_MAX || height > PAGE_IMAGE_PIXELS_MAX / width)
        return cairn_fail(err, CAIRN_EINPUT, "an image of %u x %u pixels", width, height);
    if (len < SIGNATURE_LEN || memcmp(p, signature, SIGNATURE_LEN))
        return cairn_fail(err, CAIRN_EINPUT, "an image that is no PNG");
    while (len - at >= CHUNK_AROUND) {
        const uint8_t *chunk = p + at;
        size_t n = big_endian(chunk);

        if (n > len - at - CHUNK_AROUND)
            break;
        if (at == SIGNATURE_LEN ? !is_header(chunk, n, width, height) : !is_allowed(chunk, n))
            break;
        at += CHUNK_AROUND + n;
        if (!memcmp(chunk + 4, "IEND", 4)) {
            if (n || !n_data || at != len)
                break;
            return CAIRN_OK;
        }
        n_data += !memcmp(chunk + 4, "IDAT", 4);
    }
    return cairn_fail(err, CAIRN_EINPUT, "an image whose PNG is broken at byte %zu", at);
}
