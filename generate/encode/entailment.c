/* entailment.c - see entailment.h. */
#include "generate/encode/entailment.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "generate/encode/sentence_files.h"

#define EXAMPLE "\"id2label\": {\"0\": \"contradiction\", \"1\": \"entailment\", \"2\": \"neutral\"}"

typedef enum meaning { MEANS_NOTHING, MEANS_ENTAILMENT, MEANS_NEUTRAL, MEANS_CONTRADICTION } meaning;

/* In any case; "-" and blanks are "_". */
static bool is_called(const char *label, const char *name)
{
    for (; *label && *name; label++, name++)
        if (tolower((unsigned char)*label) != *name && !(*name == '_' && strchr(" -", *label)))
            return false;
    return !*label && !*name;
}

static meaning meaning_of(const char *label)
{
    static const struct {
        const char *name;
        meaning means;
    } names[] = {
        {"entailment", MEANS_ENTAILMENT},        {"entail", MEANS_ENTAILMENT},
        {"entails", MEANS_ENTAILMENT},           {"entailed", MEANS_ENTAILMENT},
        {"neutral", MEANS_NEUTRAL},              {"not_entailment", MEANS_NEUTRAL},
        {"non_entailment", MEANS_NEUTRAL},       {"no_entailment", MEANS_NEUTRAL},
        {"not_entailed", MEANS_NEUTRAL},         {"contradiction", MEANS_CONTRADICTION},
        {"contradictory", MEANS_CONTRADICTION},  {"contradicts", MEANS_CONTRADICTION},
    };

    for (size_t i = 0; label && i < sizeof names / sizeof *names; i++)
        if (is_called(label, names[i].name))
            return names[i].means;
    return MEANS_NOTHING;
}

/* labels[out->labels]; false: they do not say it. */
static bool read_names(entailment_head *out, const char *const *labels)
{
    for (size_t i = 0; i < out->labels; i++) {
        const meaning m = meaning_of(labels[i]);
        int *at = m == MEANS_ENTAILMENT ? &out->entails : m == MEANS_NEUTRAL ? &out->neutral : &out->contradicts;
        if (m == MEANS_NOTHING || *at >= 0)
            return false;
        *at = (int)i;
    }
    return out->entails >= 0;
}

static cairn_status cannot_tell(const encoder *e, cairn_error *err)
{
    cairn_status st;
    bytes names;

    bytes_init(&names, 1 << 16);
    for (size_t i = 0; i < encoder_labels(e); i++) {
        const char *label = encoder_label(e, i);
        (void)bytes_printf(&names, "%s%.60s", i ? ", " : "", label ? label : "(no name)");
    }
    st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                    "%s: its outputs are called %s, which does not say which of them is entailment: write their names, in "
                    "their order, into its config.json (" EXAMPLE ")",
                    encoder_name(e), names.data ? names.data : "nothing");
    bytes_clear(&names);
    return st;
}

cairn_status entailment_head_read(entailment_head *out, const encoder *e, cairn_error *err)
{
    const size_t n = encoder_labels(e);

    const char *labels[3];

    *out = (entailment_head){n, -1, -1, -1};
    if (n < 2 || n > 3)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          n ? "%s has a head of %zu outputs; one that tells entailment has two or three"
                            : "%s has no classification head",
                          encoder_name(e), n);
    for (size_t i = 0; i < n; i++)
        labels[i] = encoder_label(e, i);
    return read_names(out, labels) ? CAIRN_OK : cannot_tell(e, err);
}

bool entailment_is_folder(const char *folder)
{
    json_t *config = NULL;
    const json_t *names;
    const char *labels[3];
    entailment_head head = {0, -1, -1, -1};
    bool known;

    if (sentence_json(folder, "config.json", &config, NULL) || !config)
        return false;
    names = json_object_get(config, "id2label");
    head.labels = json_object_size(names);
    for (size_t i = 0; i < head.labels && i < 3; i++)
        labels[i] = json_string_value(json_object_get(names, (const char *[]){"0", "1", "2"}[i]));
    known = head.labels >= 2 && head.labels <= 3 && read_names(&head, labels);
    json_decref(config);
    return known;
}

void entailment_read(const entailment_head *h, const float *logits, entailment *out)
{
    double chance[3] = {0}, top = logits[0], sum = 0;

    for (size_t i = 1; i < h->labels; i++)
        top = fmax(top, (double)logits[i]);
    for (size_t i = 0; i < h->labels; i++)
        sum += chance[i] = exp((double)logits[i] - top);
    out->entails = (float)(chance[h->entails] / sum);
    out->neutral = h->neutral < 0 ? 0 : (float)(chance[h->neutral] / sum);
    out->contradicts = h->contradicts < 0 ? 0 : (float)(chance[h->contradicts] / sum);
}

cairn_status entailment_judge(encoder *e, const entailment_head *h, const encoder_text *premises,
                              const encoder_text *hypotheses, size_t n, entailment *out, cairn_error *err)
{
    size_t floats;
    float *logits = checked_mul(n, h->labels, &floats) ? checked_malloc(floats + 1, sizeof *logits) : NULL;
    cairn_status st;

    if (!logits)
        return cairn_fail(err, CAIRN_ENOMEM, "entailment of %zu pairs", n);
    st = encoder_classify(e, premises, hypotheses, n, logits, err);
    for (size_t i = 0; i < n && !st; i++)
        entailment_read(h, logits + i * h->labels, &out[i]);
    free(logits);
    return st;
}
