/* output_answer.c - see output_answer.h. */
#include "cli/output_answer.h"

#include <string.h>

#include "engine/answer_json.h"

bool cli_stream_answer(void *ctx, const char *text, size_t len)
{
    if (ctx && len)
        *(bool *)ctx = true;
    /* Newlines are the answer's own; other control characters must not drive the terminal. */
    for (size_t i = 0; i < len;) {
        const char *nl = memchr(text + i, '\n', len - i);
        size_t n = nl ? (size_t)(nl - (text + i)) : len - i;
        cli_put_text(stdout, text + i, n);
        i += n;
        if (nl) {
            putchar('\n');
            i++;
        }
    }
    fflush(stdout);
    return !cli_cancelled;
}

json_t *cli_answer_json(const cairn_answer *a)
{
    json_t *cites = json_array(), *all;

    for (size_t i = 0; i < a->n_citations; i++) {
        const cairn_citation *x = &a->citations[i];
        json_t *j = json_pack("{s:I,s:o,s:o,s:I,s:I,s:o,s:b}", "n", (json_int_t)x->n, "uri",
                              json_str(x->uri), "page",
                              x->page ? json_integer(x->page) : json_null(), "start",
                              (json_int_t)x->start, "end", (json_int_t)x->end, "text",
                              json_str(x->text), "supported", x->supported);
        if (j && x->page_label)
            json_object_set_new(j, "page_label", json_str(x->page_label));
        json_array_append_new(cites, j);
    }
    all = json_pack("{s:o,s:b,s:o,s:o,s:{s:I,s:I},s:{s:f,s:f,s:f,s:I,s:I,s:I,s:I,s:I}}", "answer",
                     json_str(a->text), "refused", a->refused, "citations", cites, "model",
                     json_str(a->model), "usage", "prompt_tokens",
                     (json_int_t)a->prompt_tokens, "completion_tokens",
                     (json_int_t)a->completion_tokens, "timings", "retrieve_ms", a->retrieve_ms,
                     "ttft_ms", a->ttft_ms, "tpot_ms", a->tpot_ms, "cached_tokens",
                     (json_int_t)a->cached_tokens, "reused_tokens", (json_int_t)a->reused_tokens,
                     "passes", (json_int_t)a->passes,
                     "drafted_tokens", (json_int_t)a->drafted_tokens, "copied_tokens",
                     (json_int_t)a->copied_tokens);
    json_object_set_new(all, "extractive", json_boolean(a->extractive));
    if (a->exhaustive)
        json_object_set_new(all, "files", json_pack("{s:I,s:I,s:I}", "found", (json_int_t)a->files_found,
                                                    "read", (json_int_t)a->files_read, "unreadable",
                                                    (json_int_t)a->files_unreadable));
    json_object_set_new(all, "confidence", json_real((double)a->confidence));
    json_object_set_new(all, "short_answer", json_str(a->short_answer));
    json_object_set_new(all, "withheld_sentences", json_integer((json_int_t)a->withheld));
    json_object_set_new(all, "planted", answer_planted_json(a));
    if (a->entailer)
        json_object_set_new(all, "entailment", answer_entailment_json(a));
    json_object_set_new(all, "cached", json_str(a->cached));
    if (a->cached_question)
        json_object_set_new(all, "cached_question", json_str(a->cached_question));
    json_object_set_new(all, "route", json_str(a->route));
    json_object_set_new(all, "sent_to", json_str(a->sent_to));
    json_object_set_new(all, "note", json_str(a->note));
    json_object_set_new(all, "understood", json_str(a->understood));
    if (a->parts)
        json_object_set_new(all, "parts", json_str(a->parts));
    if (a->n_steps || a->out_of_steps) {
        json_object_set_new(all, "steps", answer_steps_json(a));
        json_object_set_new(all, "out_of_steps", json_boolean(a->out_of_steps));
    }
    json_object_set_new(all, "total_ms", json_real(a->total_ms));
    return all;
}

void cli_print_citations(cli *c, const cairn_citation *list, size_t n)
{
    if (!n)
        return;
    printf("\n%sSources%s\n", cli_bold(c), cli_plain(c));
    for (size_t i = 0; i < n; i++) {
        const cairn_citation *x = &list[i];
        printf("[%zu] ", x->n);
        cli_put_text(stdout, x->uri, strlen(x->uri));
        if (x->page_label) {
            fputs(", page ", stdout);
            cli_put_text(stdout, x->page_label, strlen(x->page_label));
        } else if (x->page) {
            printf(", page %u", x->page);
        }
        if (!x->supported)
            printf("  (not confirmed by this passage)");
        printf("\n    %s", cli_dim(c));
        cli_put_text(stdout, x->text, strlen(x->text));
        printf("%s\n", cli_plain(c));
    }
}

void cli_print_sources(cli *c, const cairn_answer *a)
{
    cli_print_citations(c, a->citations, a->n_citations);
    if (a->sent_to) {
        printf("\n%sThe question and excerpts of the documents were sent to ", cli_accent(c));
        cli_put_text(stdout, a->sent_to, strlen(a->sent_to));
        printf(".%s\n", cli_plain(c));
    }
    if (!a->cached)
        return;
    printf("\n%s(given before", cli_dim(c));
    if (a->cached_question) {
        printf(", to: ");
        cli_put_text(stdout, a->cached_question, strlen(a->cached_question));
    }
    printf("; --no-cache lets the model answer anew)%s\n", cli_plain(c));
}

void cli_print_turn(cli *c, const cairn_chat_turn *t)
{
    printf("\n%s> ", cli_bold(c));
    cli_put_text(stdout, t->question, strlen(t->question));
    printf("%s\n", cli_plain(c));
    cli_put_text(stdout, t->text, strlen(t->text));
    putchar('\n');
    cli_print_citations(c, t->citations, t->n_citations);
}
