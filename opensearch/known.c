/* known.c - names that the writer knows not to be there, so that nobody asks the cluster for each.
 *
 * A run asks of every new document whether there is one of its uri, of its bytes, whether tags are
 * remembered for it: nearly always there is none. The writer, who alone changes any of it,
 * therefore keeps a set of the names that are there (hashes of 64 bits: a name that shares one with
 * another is asked for). It is read from the cluster once enough has been asked for that to pay,
 * kept up to date by what the writer puts, and forgotten when another one may have written. What
 * leaves the collection stays in the set, which costs a question. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/checked.h"
#include "opensearch/room.h"

#define NAMES_MOST   ((uint64_t)8 << 20) /* 128 MB; a larger collection is asked name by name */
#define ASKED_FIRST  32                  /* names that are asked for before the set is read */
#define NAMES_A_CALL 2000                /* to read is as dear as to ask for one */
#define NAMES_A_PAGE 10000

static uint64_t hash_of(const char *name)
{
    uint64_t h = XXH3_64bits(name, strlen(name));

    return h ? h : 1;
}

static bool grow(os_known *k)
{
    size_t cap = k->cap ? 2 * k->cap : 4096;
    uint64_t *slots = calloc(cap, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < k->cap; i++)
        if (k->slots[i]) {
            size_t at = k->slots[i] & (cap - 1);
            while (slots[at])
                at = (at + 1) & (cap - 1);
            slots[at] = k->slots[i];
        }
    free(k->slots);
    k->slots = slots;
    k->cap = cap;
    return true;
}

static bool add(os_known *k, const char *name)
{
    uint64_t h = hash_of(name);
    size_t at;

    if (2 * k->n >= k->cap && !grow(k))
        return false;
    for (at = h & (k->cap - 1); k->slots[at] && k->slots[at] != h; at = (at + 1) & (k->cap - 1))
        ;
    k->n += !k->slots[at];
    k->slots[at] = h;
    return true;
}

static bool has(const os_known *k, const char *name)
{
    uint64_t h = hash_of(name);

    for (size_t at = h & (k->cap - 1); k->slots[at]; at = (at + 1) & (k->cap - 1))
        if (k->slots[at] == h)
            return true;
    return false;
}

void os_known_forget(struct os_store *s)
{
    free(s->known.slots);
    s->known = (os_known){0};
}

void os_known_add(struct os_store *s, const char *name)
{
    if (s->known.whole && !add(&s->known, name))
        os_known_forget(s);
}

/* All values of the fields in an index, sorted by `sort`, into the set. */
static cairn_status read_names(struct os_store *s, const char *index, const char *sort,
                               const char *const *fields, size_t n_fields)
{
    char path[PATH_BYTES];
    json_t *after = NULL, *hits = NULL;
    cairn_status st = CAIRN_OK;
    bool more = true;

    snprintf(
        path, sizeof path,
        "/%s/"
        "_search?allow_partial_search_results=false&filter_path=hits.hits.fields,hits.hits.sort",
        index);
    while (more && !st) {
        json_t *reply = NULL, *names = json_array();
        for (size_t f = 0; f < n_fields; f++)
            json_array_append_new(names, json_string(fields[f]));
        json_t *body =
            json_pack("{s:i,s:b,s:s,s:o,s:[s],s:b,s:{s:{s:s}}}", "size", NAMES_A_PAGE, "track_total_hits",
                      0, "stored_fields", "_none_", "docvalue_fields", names, "sort", sort,
                      "_source", 0, "query", "exists", "field", sort);
        if (body && after)
            json_object_set(body, "search_after", after);
        st = os_ask(s, "read the names of what is there", "POST", path, body, &reply, NULL);
        hits = json_object_get(json_object_get(reply, "hits"), "hits");
        for (size_t i = 0; !st && i < json_array_size(hits); i++)
            for (size_t f = 0; f < n_fields; f++) {
                const char *name = json_string_value(json_array_get(
                    json_object_get(json_object_get(json_array_get(hits, i), "fields"), fields[f]),
                    0));
                if (name && *name && !add(&s->known, name))
                    st = CAIRN_ENOMEM;
            }
        more = json_array_size(hits) == NAMES_A_PAGE;
        json_decref(after);
        after =
            json_incref(json_object_get(json_array_get(hits, json_array_size(hits) - 1), "sort"));
        json_decref(reply);
    }
    json_decref(after);
    return st;
}

/* What cannot be read for whatever reason is asked for name by name. */
static void read_all(struct os_store *s)
{
    static const char *const of_document[] = {"uri_id", "hash"}, *const of_record[] = {"path_id"};

    os_known_forget(s);
    s->known.version = s->held.version;
    s->known.whole = true;
    if (!grow(&s->known) || read_names(s, s->documents, "doc", of_document, 2) ||
        read_names(s, s->state, "path_id", of_record, 1))
        os_known_forget(s);
}

bool os_is_absent(struct os_store *s, const char *name)
{
    os_known *k = &s->known;
    uint64_t names = 2 * s->held.counts.docs;

    if (!s->is_writer || names > NAMES_MOST)
        return false;
    if (k->whole && k->version != s->held.version)
        os_known_forget(s); /* another one wrote */
    if (!k->whole && ++k->asked > ASKED_FIRST + names / NAMES_A_CALL)
        read_all(s);
    return k->whole && !has(k, name);
}
