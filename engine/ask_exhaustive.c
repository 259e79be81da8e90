/* ask_exhaustive.c - questions about all documents: every match is read, and the answer says of how many
 * files it speaks and how many could not be read.
 *
 * A file matches when one of its passages, with title and headings, holds all the words asked for (quoted words: in a row); of "A and
 * B" some passage each, of "A or B" either. What matches only with the words of its path is told apart: a folder's name mentions nothing. Files by themselves ("how many PDF files", "how many invoices of 2024") are counted by kind, by title and
 * path, by year. No model takes part. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/ask.h"
#include "engine/labels.h"
#include "retrieve/exhaustive.h"

#define LISTED_MAX 200 /* files that are named */
#define REMOTE_MOST 5000 /* files that are told one by one on a cluster */

/* "words" in the text, or with `anywhere` in the path as well, which is a field of the index that no query names. */
static cairn_status demand(bytes *q, const char *words, size_t len, bool anywhere)
{
    static const char *const fields[] = {"title", "heading", "body"};
    cairn_status st = bytes_append_str(q, anywhere ? "+" : "+(");

    for (size_t f = 0; f < (anywhere ? 1 : sizeof fields / sizeof *fields) && !st; f++) {
        if (!anywhere)
            st = bytes_printf(q, "%s%s:", f ? " OR " : "", fields[f]);
        if (!st)
            st = bytes_append_byte(q, '"');
        for (size_t i = 0; i < len && !st; i++)
            if (words[i] != '"')
                st = bytes_append_byte(q, (uint8_t)words[i]);
        if (!st)
            st = bytes_append_byte(q, '"');
    }
    return st ? st : bytes_append_str(q, anywhere ? " " : ") ");
}

/* The topic as a query that demands every word of it. */
static cairn_status query_of(asking *a, const char *topic, size_t len, bool anywhere, char **out, cairn_error *err)
{
    bytes q;
    cairn_status st = CAIRN_OK;
    bool quoted = len > 2 && memchr("\"'", topic[0], 2);

    bytes_init(&q, 1 << 18);
    if (quoted) /* in a row */
        st = demand(&q, topic + 1, len - 1 - (topic[len - 1] == topic[0]), anywhere);
    for (size_t i = 0; i < len && !quoted && !st;) {
        size_t end = i;
        while (end < len && topic[end] != ' ' && topic[end] != '"')
            end++;
        if (end > i)
            st = demand(&q, topic + i, end - i, anywhere);
        i = end + 1;
    }
    *out = st ? NULL : arena_strndup(&a->memory, q.data ? q.data : "", q.len);
    bytes_clear(&q);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "question");
}

static int by_id(const void *x, const void *y)
{
    doc_id a = *(const doc_id *)x, b = *(const doc_id *)y;

    return (a > b) - (a < b);
}

/* Documents, rising, each once. */
typedef struct doc_set {
    doc_id *ids;
    size_t n;
} doc_set;

static bool set_has(const doc_set *s, doc_id id)
{
    return s->n && bsearch(&id, s->ids, s->n, sizeof *s->ids, by_id);
}

/* Sort the ids, and keep each once. */
static void make_set(doc_set *s)
{
    size_t kept = 0;

    if (s->n)
        qsort(s->ids, s->n, sizeof *s->ids, by_id);
    for (size_t i = 0; i < s->n; i++)
        if (!kept || s->ids[i] != s->ids[kept - 1])
            s->ids[kept++] = s->ids[i];
    s->n = kept;
}

/* Distinct documents of the rows that matched. */
static cairn_status read_documents(const view *v, uint64_t *const *rows, arena *memory, doc_set *out, cairn_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n_lexical; i++)
        for (size_t w = 0; w < row_set_words(lexical_reader_rows(v->lexical[i].reader)); w++)
            n += (size_t)__builtin_popcountll(rows[i][w]);
    out->n = 0;
    out->ids = arena_calloc(memory, n + 1, sizeof *out->ids);
    if (!out->ids)
        return cairn_fail(err, CAIRN_ENOMEM, "documents");
    for (size_t i = 0; i < v->n_lexical; i++) {
        size_t words = row_set_words(lexical_reader_rows(v->lexical[i].reader));
        for (size_t w = 0; w < words; w++)
            for (uint64_t left = rows[i][w]; left; left &= left - 1)
                out->ids[out->n++] = segment_row_doc(v->lexical_of[i]->file, (uint32_t)(64 * w + (unsigned)__builtin_ctzll(left)));
    }
    make_set(out);
    return CAIRN_OK;
}

static void intersect(doc_set *a, const doc_set *b)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->n; i++)
        if (set_has(b, a->ids[i]))
            a->ids[kept++] = a->ids[i];
    a->n = kept;
}

/* Of `all` those that are in `a` or `b`, or, where `neither`, in none of them. */
static cairn_status choose(const doc_set *all, const doc_set *a, const doc_set *b, bool neither, arena *memory, doc_set *out, cairn_error *err)
{
    doc_set chosen = {arena_calloc(memory, all->n + 1, sizeof *chosen.ids), 0};

    if (!chosen.ids)
        return cairn_fail(err, CAIRN_ENOMEM, "documents");
    for (size_t i = 0; i < all->n; i++)
        if ((set_has(a, all->ids[i]) || set_has(b, all->ids[i])) != neither)
            chosen.ids[chosen.n++] = all->ids[i];
    *out = chosen;
    return CAIRN_OK;
}

/* One search over everything that is read. */
typedef struct reading_all {
    asking *a;
    view v;
    const char *filter;         /* of the request, and of what is to be mentioned the kind of files too */
    const char *filter_of_kind; /* of files by themselves */
    retrieve_query parsed;
    retrieve_result found;
} reading_all;

static cairn_status search_rows(reading_all *r, const char *query, const char *filter, size_t k, cairn_error *err)
{
    engine_query e = {.text = query, .filter = filter, .mode = RETRIEVE_LEXICAL, .k = k, .matches = true, .budget_ms = -1, .per_document = 1,
                      .day = r->a->request->day};

    return engine_search_with(r->a->c, &r->v, &e, &r->a->memory, &r->parsed, &r->found, NULL, err);
}

/* The documents of a list that was asked for as a whole, where rows are not told. */
static cairn_status listed_documents(const retrieve_result *found, arena *memory, doc_set *out, cairn_error *err)
{
    out->ids = arena_calloc(memory, found->n_hits + 1, sizeof *out->ids);
    if (!out->ids)
        return cairn_fail(err, CAIRN_ENOMEM, "documents");
    for (size_t i = 0; i < found->n_hits; i++)
        out->ids[i] = found->hits[i].doc;
    out->n = found->n_hits;
    make_set(out);
    return CAIRN_OK;
}

/* The documents that a query matches. On a cluster, where rows are not told, they are listed, if there are REMOTE_MOST or fewer; of more
 * *counted alone. */
static cairn_status documents_of(reading_all *r, const char *query, const char *filter, doc_set *out, size_t *counted, cairn_error *err)
{
    cairn_status st = search_rows(r, query, filter, 1, err);

    *out = (doc_set){0};
    *counted = st ? 0 : (size_t)r->found.matching_documents;
    if (!st && r->found.matches) {
        st = read_documents(&r->v, r->found.matches, &r->a->memory, out, err);
        *counted = out->n;
    } else if (!st && *counted && *counted <= REMOTE_MOST) {
        /* without words and conditions nothing is listed */
        st = search_rows(r, query, *query || (filter && *filter) ? filter : "size:>=0", *counted, err);
        if (!st)
            st = listed_documents(&r->found, &r->a->memory, out, err);
    }
    return st;
}

static const char *both_filters(asking *a, const char *more)
{
    const char *own = a->request->filter ? a->request->filter : "";

    return !*more ? a->request->filter : arena_printf(&a->memory, "%s%s%s", own, *own ? " " : "", more);
}

/* Of `set` those that do not mention what is excepted. */
static cairn_status leave_out(reading_all *r, const exhaustive *x, doc_set *set, size_t *counted, cairn_error *err)
{
    asking *a = r->a;
    doc_set less;
    char *query = NULL;
    size_t kept = 0;
    cairn_status st = query_of(a, a->request->question + x->less_start, x->less_end - x->less_start, false, &query, err);

    if (!st)
        st = documents_of(r, query, r->filter, &less, counted, err);
    if (st)
        return st;
    for (size_t i = 0; i < set->n; i++)
        if (!set_has(&less, set->ids[i]))
            set->ids[kept++] = set->ids[i];
    *counted = set->n = kept;
    return CAIRN_OK;
}

/* What is to be mentioned, by its parts, in the text or anywhere. *query gets one that finds a passage of each document. */
static cairn_status find_mentions(reading_all *r, const exhaustive *x, const doc_set *all, bool anywhere, doc_set *out, size_t *counted,
                                  char **query, cairn_error *err)
{
    asking *a = r->a;
    const char *question = a->request->question;
    cairn_status st = CAIRN_OK;
    char *part = NULL, *any = arena_strdup(&a->memory, "");

    for (size_t i = 0; i < x->n_parts && !st; i++) {
        doc_set here;
        st = query_of(a, question + x->part[i].start, x->part[i].end - x->part[i].start, anywhere, &part, err);
        if (!st && any)
            any = i ? arena_printf(&a->memory, "%s OR (%s)", any, part) : arena_printf(&a->memory, "(%s)", part);
        if (!st)
            st = documents_of(r, part, r->filter, &here, counted, err);
        if (st)
            break;
        if (!i)
            *out = here;
        else if (x->any)
            st = choose(all, out, &here, false, &a->memory, out, err);
        else
            intersect(out, &here);
    }
    if (!st && !any)
        st = cairn_fail(err, CAIRN_ENOMEM, "question");
    *query = x->n_parts == 1 ? part : any;
    if (!st && x->denied) {
        st = choose(all, out, out, true, &a->memory, out, err);
        *query = arena_strdup(&a->memory, "");
    }
    if (!st && (all->n || x->n_parts > 1))
        *counted = out->n;
    return st || !x->less_end ? st : leave_out(r, x, out, counted, err);
}

/* As the above in the text, and how many more, or of those that do not mention it fewer, there are with the paths. */
static cairn_status tell_mentions(reading_all *r, const exhaustive *x, const doc_set *all, doc_set *out, ask_tally *t, char **query,
                                  cairn_error *err)
{
    doc_set with_paths = {0};
    size_t counted = 0;
    char *unused = NULL;
    cairn_status st = find_mentions(r, x, all, true, &with_paths, &counted, &unused, err);

    if (!st)
        st = find_mentions(r, x, all, false, out, &t->found, query, err);
    if (!st)
        t->by_path = counted > t->found ? counted - t->found : t->found - counted;
    return st;
}

/* Those of files by themselves that name somebody ("invoices from X"); *ask finds a passage of each. */
static cairn_status keep_about(reading_all *r, const exhaustive *x, doc_set *set, char **ask, cairn_error *err)
{
    asking *a = r->a;
    doc_set about;
    size_t counted;
    cairn_status st = query_of(a, a->request->question + x->about_start, x->about_end - x->about_start, false, ask, err);

    if (!st)
        st = documents_of(r, *ask, r->filter, &about, &counted, err);
    if (!st)
        intersect(set, &about);
    return st;
}

/* Files by themselves: those of a kind, that are called so, of a year, that name somebody. *ask finds a passage of each. */
static cairn_status find_listed(reading_all *r, const exhaustive *x, doc_set *out, size_t *counted, char **ask, cairn_error *err)
{
    asking *a = r->a;
    char year[48] = "", *query = arena_strdup(&a->memory, "");
    doc_set named, dated, all;
    cairn_status st;

    if (x->named)
        query = arena_printf(&a->memory, "+(title:\"%.*s\" OR path:\"%.*s\")", (int)(x->end - x->start), a->request->question + x->start,
                             (int)(x->end - x->start), a->request->question + x->start);
    if (!query)
        return cairn_fail(err, CAIRN_ENOMEM, "question");
    *ask = query;
    st = documents_of(r, query, r->filter_of_kind, out, counted, err);
    if (!st && x->about_end && *counted) {
        st = keep_about(r, x, out, ask, err);
        *counted = out->n;
    }
    if (st || !x->year)
        return st;
    snprintf(year, sizeof year, "+\"%d\"", x->year);
    st = documents_of(r, year, r->filter, &named, counted, err);
    snprintf(year, sizeof year, "date:%d-01-01/%d-12-31", x->year, x->year);
    if (!st)
        st = documents_of(r, "", both_filters(a, year), &dated, counted, err);
    all = *out;
    if (!st)
        st = choose(&all, &named, &dated, false, &a->memory, out, err);
    *counted = out->n;
    return st;
}

/* Mails that are kept as texts are no mails to a filter: where there are none, files are counted, of files by themselves those called so. */
static cairn_status know_mails(reading_all *r, exhaustive *x, cairn_error *err)
{
    doc_set mails;
    size_t n;
    char *term = strstr(x->filter, EXHAUSTIVE_MAILS);
    cairn_status st;

    if (!term)
        return CAIRN_OK;
    st = documents_of(r, "", both_filters(r->a, EXHAUSTIVE_MAILS), &mails, &n, err);
    if (st || n)
        return st;
    memmove(term, term + strlen(EXHAUSTIVE_MAILS), strlen(term + strlen(EXHAUSTIVE_MAILS)) + 1);
    x->named = x->listed;
    if (x->sender_end) {
        x->about_start = x->sender_start;
        x->about_end = x->sender_end;
        x->sender_start = x->sender_end = 0;
    }
    return CAIRN_OK;
}

/* The kind of files that the question names, and who sent them, as filters; what is read of them all. */
static cairn_status read_kind(reading_all *r, exhaustive *x, doc_set *all, cairn_error *err)
{
    asking *a = r->a;
    const char *kind;
    cairn_status st = know_mails(r, x, err);

    if (st)
        return st;
    kind = x->sender_end ? arena_printf(&a->memory, "%s from:\"%.*s\"", x->filter, (int)(x->sender_end - x->sender_start),
                                        a->request->question + x->sender_start)
                         : x->filter;
    if (!kind)
        return cairn_fail(err, CAIRN_ENOMEM, "question");
    r->filter_of_kind = both_filters(a, kind);
    if (!r->filter_of_kind && *kind)
        return cairn_fail(err, CAIRN_ENOMEM, "question");
    a->tally.kind = kind + strspn(kind, " ");
    if (!x->listed)
        r->filter = r->filter_of_kind;
    return documents_of(r, "", r->filter, all, &a->tally.read, err);
}

/* A passage of each file that was found, in the order of the search. */
static cairn_status show_found(reading_all *r, const exhaustive *x, const char *query, const doc_set *all, const doc_set *found, cairn_error *err)
{
    asking *a = r->a;
    bool named = !x->listed || x->kind == EXHAUSTIVE_LIST || x->about_end, sieved = x->denied || x->n_parts > 1 || x->less_end || x->listed;
    size_t kept = 0;
    cairn_status st = search_rows(r, named ? query : "", x->denied ? both_filters(a, "size:>=0") : x->listed && named ? both_filters(a, *a->tally.kind ? a->tally.kind : "size:>=0") : r->filter,
                                  named ? LISTED_MAX + (sieved ? all->n : 0) : 1, err);

    if (!st)
        st = engine_present(a->c, &r->v, &r->parsed, &r->found, &a->hits, err);
    for (size_t i = 0; !st && i < a->hits->n_hits; i++)
        if (named && kept < LISTED_MAX && (!all->n || set_has(found, a->hits->hits[i].doc)))
            a->hits->hits[kept++] = a->hits->hits[i];
    if (!st)
        a->hits->n_hits = kept;
    return st;
}

typedef struct unread_list {
    arena *memory;
    const char **lines;
    size_t n;
    bool failed;
} unread_list;

static bool take_unread(void *ctx, const store_failure *f)
{
    unread_list *u = ctx;

    if (u->n == LISTED_MAX)
        return false;
    u->lines[u->n] = arena_printf(u->memory, "%s: %s", f->path, f->reason);
    u->failed = !u->lines[u->n];
    u->n += !u->failed;
    return !u->failed;
}

/* Which could not be read. Whoever may not read all is not told of paths. */
static cairn_status list_unread(reading_all *r, cairn_error *err)
{
    asking *a = r->a;
    unread_list u = {.memory = &a->memory, .lines = arena_calloc(&a->memory, LISTED_MAX, sizeof *u.lines)};
    cairn_status st = u.lines ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "files");

    if (!st && !a->c->access)
        st = store_failure_each(r->v.snapshot, take_unread, &u, err);
    if (!st && u.failed)
        st = cairn_fail(err, CAIRN_ENOMEM, "files");
    a->tally.unread = u.lines;
    a->tally.n_unread = u.n;
    return st;
}

/* *ordinary: no title and no path is called what the question is about, so that it is not about files by themselves. */
static cairn_status search_all(asking *a, exhaustive *x, bool *ordinary, cairn_error *err)
{
    ask_tally *t = &a->tally;
    reading_all r = {.a = a, .filter = a->request->filter};
    doc_set all, found = {0};
    char *query = NULL;
    cairn_status st = view_open(a->c, &r.v, err);

    if (st)
        return st;
    a->snapshot = store_snapshot_version(r.v.snapshot);
    t->unreadable = a->c->access ? 0 : (size_t)store_snapshot_counts(r.v.snapshot).failures;
    st = x->unread ? list_unread(&r, err) : CAIRN_OK;
    if (!st)
        st = read_kind(&r, x, &all, err);
    if (!st && !x->unread)
        st = x->listed ? find_listed(&r, x, &found, &t->found, &query, err) : tell_mentions(&r, x, &all, &found, t, &query, err);
    *ordinary = !st && x->listed && x->named && !t->found;
    if (!st && !*ordinary)
        st = show_found(&r, x, query && !x->unread ? query : "", &all, &found, err);
    view_close(&r.v);
    return st;
}

cairn_status ask_exhaustive_find(asking *a, exhaustive *x, bool *ordinary, cairn_error *err)
{
    int64_t start = clock_mono_ns();
    cairn_status st;

    *ordinary = false;
    a->tally = (ask_tally){.kind = ""};
    st = search_all(a, x, ordinary, err);
    if (!st && !*ordinary)
        a->hits->took_ms = (double)(clock_mono_ns() - start) / 1e6;
    return st;
}

/* The sentence of a hit with most of the words that were looked for. */
static text_span telling_sentence(const cairn_hit *h)
{
    text_span *s = NULL, best = {0, h->text_len};
    size_t n = 0, most = 0;

    if (sentences_split(h->text, h->text_len, false, sentences_dotted_ordinals(h->lang), &s, &n, NULL))
        return best;
    for (size_t i = 0; i < n; i++) {
        size_t here = 0;
        for (size_t j = 0; j < h->n_highlights; j++)
            here += h->highlights[j].start >= s[i].start && h->highlights[j].end <= s[i].end;
        if (here > most) {
            most = here;
            best = s[i];
        }
    }
    free(s);
    return best;
}

/* What is said in one language: %s is the kind of files. */
typedef struct headline_words {
    const char *lang, *one, *many, *none_one, *none_many, *neither_one, *neither_many, *unread_one, *unread, *more, *of_these, *listed_one, *listed, *named, *year, *about,
        *unread_files_one, *unread_files;
} headline_words;

static const headline_words says[] = {
    {"en", "%zu of %zu files%s mentions %.*s", "%zu of %zu files%s mention %.*s", "%zu of %zu files%s does not mention %.*s",
     "%zu of %zu files%s do not mention %.*s", "%zu of %zu files%s mentions %.*s", "%zu of %zu files%s mention %.*s", "; %zu more could not be read",
     "; %zu more could not be read", "; %zu more only by the path", "; %zu of these have it in the path", "%zu of %zu files%s", "%zu of %zu files%s",
     " with \"%.*s\" in title or path", " of %d or naming it", " that name %.*s", "%zu file could not be read", "%zu files could not be read"},
    {"de", "%zu von %zu Dateien%s erwähnt %.*s", "%zu von %zu Dateien%s erwähnen %.*s", "%zu von %zu Dateien%s erwähnt %.*s nicht",
     "%zu von %zu Dateien%s erwähnen %.*s nicht", "%zu von %zu Dateien%s erwähnt %.*s", "%zu von %zu Dateien%s erwähnen %.*s", "; %zu weitere war nicht lesbar",
     "; %zu weitere waren nicht lesbar", "; %zu weitere nur durch den Pfad", "; bei %zu davon steht es im Pfad", "%zu von %zu Dateien%s", "%zu von %zu Dateien%s",
     " mit „%.*s“ in Titel oder Pfad", " von %d oder mit diesem Jahr im Text", ", die %.*s nennen", "%zu Datei war nicht lesbar",
     "%zu Dateien waren nicht lesbar"},
    {"es", "%zu de %zu archivos%s menciona %.*s", "%zu de %zu archivos%s mencionan %.*s", "%zu de %zu archivos%s no menciona %.*s",
     "%zu de %zu archivos%s no mencionan %.*s", "%zu de %zu archivos%s no menciona %.*s", "%zu de %zu archivos%s no mencionan %.*s",
     "; otro (%zu) no se pudo leer", "; otros %zu no se pudieron leer", "; otros %zu solo por la ruta", "; %zu de ellos por la ruta", "%zu de %zu archivos%s", "%zu de %zu archivos%s",
     " con «%.*s» en título o ruta", " de %d o que lo nombran", " que nombran a %.*s", "%zu archivo no se pudo leer", "%zu archivos no se pudieron leer"},
    {"fr", "%zu fichier sur %zu%s mentionne %.*s", "%zu fichiers sur %zu%s mentionnent %.*s", "%zu fichier sur %zu%s ne mentionne pas %.*s",
     "%zu fichiers sur %zu%s ne mentionnent pas %.*s", "%zu fichier sur %zu%s ne mentionne %.*s", "%zu fichiers sur %zu%s ne mentionnent %.*s",
     " ; %zu autre n'a pas pu être lu", " ; %zu autres n'ont pas pu être lus", " ; %zu de plus seulement par le chemin", " ; %zu d'entre eux par le chemin",
     "%zu fichier sur %zu%s", "%zu fichiers sur %zu%s", " avec « %.*s » dans le titre ou le chemin", " de %d ou qui le nomment", " qui nomment %.*s",
     "%zu fichier n'a pas pu être lu", "%zu fichiers n'ont pas pu être lus"},
};

static const headline_words *words_of(const char *lang)
{
    for (size_t i = 1; i < sizeof says / sizeof *says; i++)
        if (!strcmp(says[i].lang, lang))
            return &says[i];
    return &says[0];
}

/* "12 of 58 files mention ...", in the question's language. */
static cairn_status headline(asking *a, const exhaustive *x, const ask_tally *t, cairn_error *err)
{
    const headline_words *w = words_of(x->lang);
    int len = (int)(x->end - x->start);
    bool denies = x->denied || (x->less_first && strcmp(x->lang, "de")); /* "Edith nicht, aber Colm" says so itself */
    const char *topic = a->request->question + x->start, *kind = *t->kind ? arena_printf(&a->memory, " (%s)", t->kind) : "";
    const char *one = x->neither ? w->neither_one : denies ? w->none_one : w->one,
               *many = x->neither ? w->neither_many : denies ? w->none_many : w->many;
    cairn_status st;

    if (!kind)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    if (x->unread)
        st = bytes_printf(&a->text, t->unreadable == 1 ? w->unread_files_one : w->unread_files, t->unreadable);
    else if (!x->listed)
        st = bytes_printf(&a->text, t->found == 1 ? one : many, t->found, t->read, kind, len, topic);
    else
        st = bytes_printf(&a->text, t->found == 1 ? w->listed_one : w->listed, t->found, t->read, kind);
    if (!st && x->listed && x->named)
        st = bytes_printf(&a->text, w->named, len, topic);
    if (!st && x->listed && x->about_end)
        st = bytes_printf(&a->text, w->about, (int)(x->about_end - x->about_start), a->request->question + x->about_start);
    if (!st && x->listed && x->year)
        st = bytes_printf(&a->text, w->year, x->year);
    if (!st && t->by_path)
        st = bytes_printf(&a->text, x->denied ? w->of_these : w->more, t->by_path);
    if (!st && t->unreadable && !x->unread)
        st = bytes_printf(&a->text, t->unreadable == 1 ? w->unread_one : w->unread, t->unreadable);
    if (!st)
        st = bytes_append_str(&a->text, t->n_unread || (t->found && x->kind == EXHAUSTIVE_LIST) ? ":" : ".");
    for (size_t i = 0; !st && i < t->n_unread; i++)
        st = bytes_printf(&a->text, "\n- %s", t->unread[i]);
    if (!st && t->n_unread && t->n_unread < t->unreadable)
        st = bytes_printf(&a->text, "\n- ... (%zu)", t->unreadable - t->n_unread);
    return st ? cairn_fail(err, st, "answer") : CAIRN_OK;
}

cairn_status ask_exhaustive(asking *a, const exhaustive *x, cairn_answer *out, arena *memory,
                            cairn_error *err)
{
    const ask_tally t = a->tally;
    cairn_status st = headline(a, x, &t, err);

    if (st)
        return st;
    out->evidence = a->hits;
    out->retrieve_ms = a->hits->took_ms;
    out->exhaustive = true;
    out->confidence = 1;
    out->files_found = t.found;
    out->files_read = t.read;
    out->files_unreadable = t.unreadable;
    out->citations = arena_calloc(memory, a->hits->n_hits + 1, sizeof *out->citations);
    if (!out->citations)
        return cairn_fail(err, CAIRN_ENOMEM, "citations");
    for (size_t i = 0; i < a->hits->n_hits && !st; i++) {
        const cairn_hit *h = &a->hits->hits[i];
        text_span s = x->denied || (x->listed && !x->about_end) ? (text_span){0, strcspn(h->text, "\n")} : telling_sentence(h);
        cairn_citation *c = &out->citations[out->n_citations++];
        *c = (cairn_citation){.n = i + 1, .doc = h->doc, .chunk = h->chunk, .uri = h->uri,
                              .title = h->title, .page = h->page, .page_label = h->page_label, .supported = true,
                              .text = ask_redacted(a, h->text + s.start, s.end - s.start, memory)};
        ask_document_range(h, s.start, s.end, c);
        if (!c->text)
            return cairn_fail(err, CAIRN_ENOMEM, "citations");
        st = labels_page_of(h, c->start, c->end, memory, &c->page, &c->page_label, err);
        if (st)
            return st;
        if (x->kind == EXHAUSTIVE_LIST)
            st = bytes_printf(&a->text, "\n- %s [%zu]", h->title && *h->title ? h->title : h->uri, i + 1);
    }
    if (!st && x->kind == EXHAUSTIVE_LIST && t.found > a->hits->n_hits)
        st = bytes_printf(&a->text, "\n- ... (%zu)", t.found - a->hits->n_hits);
    out->text = st ? NULL : ask_redacted(a, a->text.data, a->text.len, memory);
    if (!out->text)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    ask_release(a, a->text.data, a->text.len);
    return CAIRN_OK;
}
