/* verb_search.c - cairn search QUERY: ranked passages with the matching words marked. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { OPT_MODE = 0x2000, OPT_FILTER, OPT_EXPLAIN, OPT_FACETS, OPT_TYPING, OPT_VECTOR, OPT_HISTORY,
       OPT_COLLAPSE, OPT_VERSIONS, OPT_PER_DOCUMENT, OPT_DIVERSITY, OPT_BUDGET };

#define FEW_VERSIONS 8  /* compared for a hit, unless as many as possible are asked for */
#define ALL_VERSIONS 40

/* "  granite 2.31 = idf 3.10 x 0.74: 2 in text, 1 in title (12 passages)" */
static void print_reasons(const cairn_hit *h)
{
    static const char *const where[] = {"title", "heading", "text", "path"};

    for (size_t i = 0; i < h->n_reasons; i++) {
        const cairn_reason *r = &h->reasons[i];
        const uint32_t in[] = {r->in_title, r->in_heading, r->in_text, r->in_path};
        bool any = false;
        fputs("      ", stdout);
        cli_put_text(stdout, r->term, strlen(r->term));
        printf(" %.3f: idf %.2f", (double)r->score, (double)r->idf);
        if (r->boost < 1 || r->boost > 1)
            printf(" times %g", (double)r->boost);
        for (size_t f = 0; f < 4; f++)
            if (in[f]) {
                printf("%s%u in %s", any ? ", " : "; ", in[f], where[f]);
                any = true;
            }
        if (!any)
            printf("; weighted frequency %.2f", (double)r->frequency);
        printf("; in %llu passages\n", (unsigned long long)r->passages);
    }
    if (h->nearness > 0)
        printf("      words close together %.3f\n", (double)h->nearness);
}

static void print_reading(const cairn_search_result *r)
{
    if (r->read_as && *r->read_as) {
        fputs("read as: ", stdout);
        cli_put_text(stdout, r->read_as, strlen(r->read_as));
        fputs("\n", stdout);
    }
    for (size_t i = 0; i < r->n_patterns; i++) {
        const cairn_pattern *p = &r->patterns[i];
        cli_put_text(stdout, p->text, strlen(p->text));
        if (p->problem) {
            printf(": no pattern, %s\n", p->problem);
            continue;
        }
        printf(": %zu words in %llu passages: ", p->words, (unsigned long long)p->passages);
        cli_put_text(stdout, p->shown, strlen(p->shown));
        if (p->left_out)
            printf("; %zu words left out", p->left_out);
        fputs("\n", stdout);
    }
}

static json_t *json_patterns(const cairn_search_result *r)
{
    json_t *all = json_array();

    for (size_t i = 0; i < r->n_patterns; i++) {
        const cairn_pattern *p = &r->patterns[i];
        json_t *j = json_pack("{s:o,s:I,s:I,s:I,s:o}", "pattern", json_str(p->text),
                              "words", (json_int_t)p->words, "left_out", (json_int_t)p->left_out,
                              "passages", (json_int_t)p->passages, "most_frequent",
                              json_str(p->shown));
        if (j && p->problem)
            json_object_set_new(j, "problem", json_str(p->problem));
        json_array_append_new(all, j);
    }
    return all;
}

static void put_names(const char *before, const char *const *names, size_t n, const char *between)
{
    for (size_t i = 0; i < n; i++) {
        fputs(i ? between : before, stdout);
        cli_put_text(stdout, names[i], strlen(names[i]));
    }
}

#define PLACES_SHOWN 3

/* Who wrote it when, its tags, and where else it lies. */
static void print_metadata(cli *c, const cairn_hit *h)
{
    size_t places = h->n_places < PLACES_SHOWN ? h->n_places : PLACES_SHOWN;
    char date[32];
    const char *between = "    ";

    fputs(cli_dim(c), stdout);
    if (h->date_ns && *cli_format_time(date, h->date_ns)) {
        printf("%s%s", between, date);
        between = ", ";
    }
    if (*h->author) {
        fputs(between, stdout);
        cli_put_text(stdout, h->author, strlen(h->author));
        between = ", ";
    }
    if (*h->lang) {
        printf("%s%s", between, h->lang);
        between = ", ";
    }
    if (h->n_tags)
        put_names(*between == ' ' ? "    #" : "  #", h->tags, h->n_tags, " #");
    if (*between != ' ' || h->n_tags)
        putchar('\n');
    if (places) {
        put_names("    also ", h->places, places, "\n         ");
        if (h->n_places > places)
            printf("\n         and %zu more places", h->n_places - places);
        putchar('\n');
    }
    for (size_t i = 0; i < h->n_versions && i < PLACES_SHOWN; i++) {
        const cairn_copy *v = &h->versions[i];
        printf("    %s version, %.0f %% alike, %s  ", v->mtime_ns > h->modified_ns ? "newer" : "older",
               v->likeness * 100, cli_format_time(date, v->mtime_ns));
        cli_put_text(stdout, v->uri, strlen(v->uri));
        putchar('\n');
    }
    fputs(cli_plain(c), stdout);
}

static void print_hit(cli *c, const cairn_hit *h, bool explain)
{
    printf("%s%2zu  ", cli_bold(c), h->rank);
    cli_put_text(stdout, h->title, strlen(h->title));
    fputs(cli_plain(c), stdout);
    if (h->page_label) {
        fputs("  p. ", stdout);
        cli_put_text(stdout, h->page_label, strlen(h->page_label));
    } else if (h->page) {
        printf("  p. %u", h->page);
    } else if (h->line) {
        printf("  line %u", h->line);
    }
    printf("\n    %s", cli_dim(c));
    cli_put_text(stdout, h->uri, strlen(h->uri));
    if (*h->heading) {
        fputs("  |  ", stdout);
        cli_put_text(stdout, h->heading, strlen(h->heading));
    }
    printf("%s\n", cli_plain(c));
    print_metadata(c, h);
    if (explain)
        printf("    score %.4f, words %.3f (rank %u), vectors %.3f (rank %u)", (double)h->score,
               (double)h->lexical, h->lexical_rank, (double)h->vector, h->vector_rank);
    if (explain && h->second_rank)
        printf(", second embedder %.3f (rank %u)", (double)h->second, h->second_rank);
    if (explain)
        putchar('\n');
    if (explain)
        print_reasons(h);
    cli_print_snippet(c, h);
}

static json_t *json_facets(const cairn_search_result *r)
{
    json_t *all = json_object();
    for (size_t i = 0; i < r->n_facets; i++) {
        json_t *values = json_array();
        for (size_t j = 0; j < r->facets[i].n_values; j++)
            json_array_append_new(values,
                                  json_pack("{s:o,s:I}", "value",
                                            json_str(r->facets[i].values[j].value),
                                            "documents",
                                            (json_int_t)r->facets[i].values[j].documents));
        json_object_set_new(all, r->facets[i].name,
                            json_pack("{s:o,s:I}", "values", values, "distinct",
                                      (json_int_t)r->facets[i].n_distinct));
    }
    return all;
}

static void print_facets(cli *c, const cairn_search_result *r)
{
    for (size_t i = 0; i < r->n_facets; i++) {
        const cairn_facet *f = &r->facets[i];
        if (!f->n_values)
            continue;
        printf("%s%s%s", cli_bold(c), f->name, cli_plain(c));
        for (size_t j = 0; j < f->n_values; j++) {
            fputs(j ? ", " : "  ", stdout);
            cli_put_text(stdout, f->values[j].value, strlen(f->values[j].value));
            printf(" (%llu)", (unsigned long long)f->values[j].documents);
        }
        if (f->n_values < f->n_distinct)
            printf(", %zu more", f->n_distinct - f->n_values);
        putchar('\n');
    }
}

/* What the stages after fusion did; those that had nothing to do are left out. */
static json_t *json_stages(const cairn_search_result *r)
{
    json_t *j = json_object();

    if (r->reranked)
        json_object_set_new(j, "reranked", json_integer((json_int_t)r->reranked));
    if (r->told)
        json_object_set_new(j, "told", json_integer((json_int_t)r->told));
    if (r->collapsed)
        json_object_set_new(j, "collapsed", json_integer((json_int_t)r->collapsed));
    if (r->grouped)
        json_object_set_new(j, "grouped", json_integer((json_int_t)r->grouped));
    return j;
}

static void print_lines(const char *text)
{
    for (const char *end; *text; text = end + (*end != '\0')) {
        end = text + strcspn(text, "\n");
        fputs("  ", stdout);
        cli_put_text(stdout, text, (size_t)(end - text));
        putchar('\n');
    }
}

static int print_result(cli *c, const char *query, const cairn_search_result *r, bool explain)
{
    static const char *const modes[] = {"hybrid", "lexical", "vector"};

    if (c->json) {
        json_t *hits = json_array(), *j;
        for (size_t i = 0; i < r->n_hits; i++)
            json_array_append_new(hits, cli_json_hit(&r->hits[i], explain));
        j = json_pack("{s:o,s:f,s:s,s:o}", "query", json_str(query), "took_ms", r->took_ms,
                      "mode", modes[r->mode], "hits", hits);
        if (r->note)
            json_object_set_new(j, "note", json_str(r->note));
        if (r->rewritten)
            json_object_set_new(j, "rewritten", json_str(r->rewritten));
        if (r->expanded)
            json_object_set_new(j, "expanded", json_str(r->expanded));
        json_object_set_new(j, "stages", json_stages(r));
        if (r->own_words)
            json_object_set_new(j, "own_words", json_str(r->own_words));
        if (r->suggestion)
            json_object_set_new(j, "suggestion", json_str(r->suggestion));
        if (r->facets)
            json_object_set_new(j, "facets", json_facets(r));
        if (explain) {
            if (r->read_as)
                json_object_set_new(j, "read_as", json_str(r->read_as));
            json_object_set_new(j, "patterns", json_patterns(r));
        }
        if (explain)
            json_object_set_new(j, "stages_ms",
                                json_pack("{s:f,s:f,s:f,s:f,s:f}", "rewrite", r->rewrite_ms,
                                          "lexical", r->lexical_ms, "embed", r->embed_ms, "vector",
                                          r->vector_ms, "refine", r->refine_ms));
        return cli_print_json(c, j);
    }
    if (explain)
        print_reading(r);
    for (size_t i = 0; i < r->n_hits; i++)
        print_hit(c, &r->hits[i], explain);
    if (r->note && !c->quiet)
        fprintf(stderr, "cairn: %s\n", r->note);
    if (r->rewritten && !c->quiet) {
        fputs("cairn: searched for: ", stderr);
        cli_put_text(stderr, r->rewritten, strlen(r->rewritten));
        fputs("\n", stderr);
    }
    if (!r->n_hits && !c->quiet)
        fprintf(stderr, "cairn: nothing found\n");
    if (r->own_words)
        printf("%s\n", r->own_words);
    print_facets(c, r);
    if (r->suggestion && !c->quiet) {
        fputs("cairn: did you mean ", stderr);
        cli_put_text(stderr, r->suggestion, strlen(r->suggestion));
        fputs("?\n", stderr);
    }
    if (explain && r->expanded) {
        printf("also searched for\n");
        print_lines(r->expanded);
    }
    if (explain)
        printf("%s, %.1f ms: words %.1f, embedding %.1f, vectors %.1f, %zu passages read again and the "
               "rest %.1f\n",
               modes[r->mode], r->took_ms, r->lexical_ms, r->embed_ms, r->vector_ms, r->reranked,
               r->refine_ms);
    return CLI_DONE;
}

/* Each vector of the file is a query; with --json a document a line. */
static int search_vectors(cli *c, const char *file, const cairn_search_request *req)
{
    cairn_matrix queries;
    cairn_error err = {0};
    cairn *engine = NULL;
    bool any = false;
    int code;
    cairn_status st = cairn_matrix_read(&queries, file, &err);

    if (st)
        return cli_fail(c, st, &err);
    code = cli_open(c, &engine, CLI_READ);
    for (size_t i = 0; !code && i < queries.n && !cli_cancelled; i++) {
        cairn_search_result *result = NULL;
        char name[32];
        snprintf(name, sizeof name, "vector %zu", i);
        st = cairn_search_vector(engine, queries.rows + i * queries.dim, queries.dim, req, &result,
                                 &err);
        if (st) {
            code = cli_fail(c, st, &err);
            break;
        }
        if (queries.n > 1 && !c->json)
            printf("%s%s%s\n", cli_bold(c), name, cli_plain(c));
        code = print_result(c, name, result, req->explain);
        any |= result->n_hits > 0;
        cairn_search_result_free(result);
    }
    cairn_matrix_clear(&queries);
    cairn_close(engine);
    return code ? code : cli_cancelled ? CLI_INTERRUPTED : any ? CLI_DONE : CLI_NOTHING;
}

/* One option of this verb; false after reporting. */
static bool take_option(cli *c, int o, cairn_search_request *req, json_t **history, cairn_turn **turns)
{
    switch (o) {
    case 'k':
        return cli_parse_size(c, "-k", optarg, 1, 10000, &req->k);
    case OPT_MODE:
        return cli_parse_mode(c, optarg, &req->mode);
    case OPT_FILTER:
        req->filter = optarg;
        return true;
    case OPT_EXPLAIN:
        req->explain = true;
        return true;
    case OPT_FACETS:
        req->facets = optarg;
        return true;
    case OPT_TYPING:
        req->as_you_type = true;
        req->versions = 0;
        return true;
    case OPT_HISTORY:
        json_decref(*history);
        free(*turns);
        if (!cli_parse_history(c, optarg, history, turns, &req->n_history))
            return false;
        req->history = *turns;
        return true;
    case OPT_COLLAPSE:
        req->collapse = true;
        return true;
    case OPT_VERSIONS:
        req->versions = ALL_VERSIONS;
        return true;
    case OPT_PER_DOCUMENT:
        return cli_parse_size(c, "--per-document", optarg, 1, 10000, &req->per_document);
    case OPT_BUDGET:
        if (!cli_parse_milliseconds(c, "--budget", optarg, &req->budget_ms))
            return false;
        if (req->budget_ms <= 0)
            req->budget_ms = -1;
        return true;
    case OPT_DIVERSITY:
        return cli_parse_float(c, "--diversity", optarg, 0, 1, &req->diversity);
    default:
        return false;
    }
}

static int search(cli *c, const char *query, cairn_search_request *req)
{
    cairn_search_result *result = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    int code = cli_open(c, &engine, CLI_READ);

    if (code)
        return code;
    req->query = query;
    st = cairn_search(engine, req, &result, &err);
    code = st ? cli_fail(c, st, &err) : print_result(c, query, result, req->explain);
    if (!code && !result->n_hits)
        code = CLI_NOTHING;
    cairn_search_result_free(result);
    cairn_close(engine);
    return code;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"top", required_argument, NULL, 'k'},
                                          {"mode", required_argument, NULL, OPT_MODE},
                                          {"filter", required_argument, NULL, OPT_FILTER},
                                          {"explain", no_argument, NULL, OPT_EXPLAIN},
                                          {"vector", required_argument, NULL, OPT_VECTOR},
                                          {"facets", required_argument, NULL, OPT_FACETS},
                                          {"as-you-type", no_argument, NULL, OPT_TYPING},
                                          {"history", required_argument, NULL, OPT_HISTORY},
                                          {"collapse", no_argument, NULL, OPT_COLLAPSE},
                                          {"versions", no_argument, NULL, OPT_VERSIONS},
                                          {"per-document", required_argument, NULL, OPT_PER_DOCUMENT},
                                          {"diversity", required_argument, NULL, OPT_DIVERSITY},
                                          {"budget", required_argument, NULL, OPT_BUDGET},
                                          {0}};
    cairn_search_request req = {.k = 10, .versions = FEW_VERSIONS};
    const char *vector_file = NULL;
    json_t *history = NULL;
    cairn_turn *turns = NULL;
    char *query = NULL;
    int o, code = CLI_DONE;

    while (!code && (o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == OPT_VECTOR)
            vector_file = optarg;
        else if (o == '?' || !take_option(c, o, &req, &history, &turns))
            code = CLI_USAGE;
    }
    if (!code && !vector_file)
        query = cli_join_operands(argc, argv);
    if (!code && vector_file && optind < argc)
        code = cli_usage_error(c, "search for words or with --vector, not both");
    else if (!code && vector_file)
        code = search_vectors(c, vector_file, &req);
    else if (!code)
        code = query ? search(c, query, &req) : cli_usage_error(c, "say what to search for");
    free(query);
    free(turns);
    json_decref(history);
    return code;
}

const cli_verb cli_verb_search = {
    "search", "find passages",
    "Usage: cairn search [-k N] [--mode hybrid|lexical|vector] [--filter EXPR] [--facets LIST]\n"
    "                    [--as-you-type] [--history JSON] [--collapse] [--versions] [--per-document N]\n"
    "                    [--diversity X] [--budget TIME] [--explain] QUERY...\n"
    "       cairn search [-k N] [--filter EXPR] --vector FILE\n\n"
    "Finds passages by words and by meaning and shows where they stand.\n\n"
    "A query is words, and (write -- before a query that begins with a minus):\n"
    "  \"exact phrase\"  \"moved words\"~3  a NEAR/5 b      words together, in any order\n"
    "  organis*  *ation  f*o  f?o  word~1  word~2  /re/  words like this, within 1 or 2 edits,\n"
    "                                                  matching a regular expression\n"
    "  +must  -not  a AND b  a OR b  NOT a  ( )         conditions, at any nesting\n"
    "  title:x  heading:x  body:x  word^3               in one field; counting three times\n"
    "  path: ext:pdf,md lang:de tag:t dir:\"a b\" from:x@y date:2025-09/2025-10 date:>2024\n"
    "  date:last-week date:last-3-days modified:today created:2023  last week  in March 2024\n"
    "  size:>10mb size:1mb..5mb size:<=500k pages:12 pages:3..20  (mb: 10^6, mib: 2^20 bytes)\n"
    "With -not alone, or beside fields, all documents without it are listed.\n"
    "Nothing is an error: what does not parse is read as words, and a note says so.\n\n"
    "  -k N           how many passages (default 10)\n"
    "  --mode MODE    hybrid (default), lexical (words alone) or vector (meaning alone)\n"
    "  --filter EXPR  field:value terms that restrict without scoring\n"
    "  --facets LIST  count the documents that match by type, ext, folder, author, lang, tag, year\n"
    "  --as-you-type  the last word is not finished: search what it may become, too\n"
    "  --history JSON what was said before, [{\"role\":\"user\",\"content\":\"...\"}, ...]: a follow-up\n"
    "                 question gets the words it lacks, and what was told already steps back\n"
    "  --collapse     of passages that are nearly the same show the best alone\n"
    "  --versions     look at all likely versions of each document (nearly the same words), 40 at most;\n"
    "                 without it at the likeliest 8. They are named the newest first\n"
    "  --per-document N  at most N passages of one document\n"
    "  --diversity X  0 (default): by relevance alone, to 1: each unlike those above it\n"
    "  --budget TIME  for reading the best passages again, as 50ms (default: what 20 passages take; 0: not at\n"
    "                 all); what is read by then counts\n"
    "  --explain      show how the query was read, how each score came about, and the times\n"
    "  --vector FILE  search with the vectors of a .npy, .fvecs or JSON lines file (- is standard input)\n"
    "                 instead of words; with --json a document a line\n\n"
    "Examples:\n"
    "  cairn search 'notice period ext:pdf'\n"
    "  cairn search --mode lexical '\"force majeure\"'\n"
    "  cairn search '(invoice* OR bill~1) AND NOT draft date:>=2024'\n"
    "  cairn search --json -k 3 -- backup -draft\n",
    run};
