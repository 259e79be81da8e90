/* entail.c - see entail.h. */
#include "engine/entail.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/catalogue.h"
#include "engine/model.h"
#include "engine/shared_model.h"

typedef struct search {
    char *out;
    size_t cap;
} search;

static void look_at(void *ctx, const char *name, const char *use, const char *path)
{
    search *s = ctx;

    if (path && !*s->out && strlen(name) < s->cap && !strcmp(use, CATALOGUE_ENTAILS))
        snprintf(s->out, s->cap, "%s", name);
}

static bool is_auto(const cairn *c)
{
    return !strcmp(c->settings.entailment, "auto");
}

void entail_named(const cairn *c, char *out, size_t cap)
{
    search s = {out, cap};

    *out = '\0';
    if (is_auto(c))
        cairn_model_catalogue(look_at, &s);
    else
        snprintf(out, cap, "%s", c->settings.entailment);
}

cairn_status entail_open(cairn *c, const char *name, struct shared_model **out, entailment_head *head,
                         cairn_error *err)
{
    cairn_error why = {0};
    cairn_status st;

    *out = NULL;
    if (!*name)
        return CAIRN_OK;
    st = engine_entailer(c, name, out, &why);
    if (!st)
        st = entailment_head_read(head, shared_model_encoder(*out), &why);
    if (!st)
        return CAIRN_OK;
    *out = NULL;
    if (is_auto(c) && st != CAIRN_ENOMEM && st != CAIRN_ECANCELLED) {
        log_write(LOG_LEVEL_WARN, "engine", "answers are not put to %s: %s", name, why.text);
        return CAIRN_OK;
    }
    return cairn_fail(err, st, "models.entailment: %s", why.text);
}
