/* near_read.c - see near.h: sections mapped. Their sizes are tested when they are opened, the places in a band when they
 * are followed; wrong keys or an order that is none find too little, never what is not there. */
#include "index/near/near_format.h"

#include <stdlib.h>
#include <string.h>

struct near_reader {
    uint32_t n;
    const uint64_t *docs;       /* [n] */
    const near_signature *sigs; /* [n] */
    const near_slot *bands;     /* [NEAR_BANDS][n] */
};

static cairn_status bad(const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "signatures of documents: %s", what);
}

static bool find(const section_source *source, const char *name, uint64_t want, const void **out)
{
    const uint8_t *data;
    size_t len;

    if (!source->find(source->ctx, name, &data, &len) || len != want)
        return false;
    *out = data;
    return true;
}

cairn_status near_reader_open(near_reader **out, const section_source *source, cairn_error *err)
{
    const uint8_t *data;
    size_t len;
    uint32_t meta[4];
    const void *docs, *sigs, *bands;
    near_reader *r;

    *out = NULL;
    if (!source->find(source->ctx, "near.meta", &data, &len))
        return cairn_fail(err, CAIRN_ENOTFOUND, "no signatures of documents");
    if (len != sizeof meta)
        return bad("their header has another length", err);
    memcpy(meta, data, sizeof meta);
    if (meta[0] != NEAR_FORMAT_VERSION || meta[2] != NEAR_BINS || meta[3] != NEAR_BANDS)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "signatures of documents in format %u, %u bins, %u bands", meta[0],
                          meta[2], meta[3]);
    if (meta[1] > NEAR_MAX_DOCS)
        return bad("more of them than a segment can hold", err);
    if (!find(source, "near.docs", (uint64_t)meta[1] * sizeof *r->docs, &docs) ||
        !find(source, "near.sigs", (uint64_t)meta[1] * sizeof *r->sigs, &sigs) ||
        !find(source, "near.bands", (uint64_t)meta[1] * NEAR_BANDS * sizeof *r->bands, &bands))
        return bad("a section is missing or has another length", err);
    r = malloc(sizeof *r);
    if (!r)
        return cairn_fail(err, CAIRN_ENOMEM, "signatures of documents");
    *r = (near_reader){meta[1], docs, sigs, bands};
    *out = r;
    return CAIRN_OK;
}

void near_reader_close(near_reader *r)
{
    free(r);
}

uint32_t near_reader_docs(const near_reader *r)
{
    return r->n;
}

uint64_t near_reader_doc(const near_reader *r, uint32_t i)
{
    return r->docs[i];
}

const near_signature *near_reader_signature(const near_reader *r, uint32_t i)
{
    return &r->sigs[i];
}

bool near_reader_find(const near_reader *r, uint64_t doc, uint32_t *i)
{
    uint32_t lo = 0, hi = r->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (r->docs[mid] < doc)
            lo = mid + 1;
        else
            hi = mid;
    }
    *i = lo;
    return lo < r->n && r->docs[lo] == doc;
}

void near_reader_matches(const near_reader *r, const near_signature *s, near_match_fn *fn, void *ctx)
{
    for (size_t band = 0; band < NEAR_BANDS; band++) {
        const near_slot *slots = r->bands + band * r->n;
        uint32_t key = near_key(s, band), lo = 0, hi = r->n;
        while (lo < hi) {
            uint32_t mid = lo + (hi - lo) / 2;
            if (slots[mid].key < key)
                lo = mid + 1;
            else
                hi = mid;
        }
        for (; lo < r->n && slots[lo].key == key; lo++)
            if (slots[lo].place < r->n && !fn(ctx, r->docs[slots[lo].place], &r->sigs[slots[lo].place]))
                return;
    }
}
