/* ask.h - one question on its way through the files of cairn_ask.
 *
 *   ask.c           the sequence and the decision which way an answer is made
 *   ask_prompt.c    the prompt file, the messages
 *   ask_evidence.c  retrieval, evidence, the excerpts a prompt is made of
 *   ask_parts.c     questions that are taken apart: searching, judging and answering their parts
 *   ask_bridge.c    ... where one part's answer is what the other is asked of
 *   ask_standing.c  which of two statements holds now
 *   ask_earlier.c   ... and what was before
 *   ask_exhaustive.c  questions about all documents
 *   ask_answer.c    generating, checking sentence by sentence, extracting, citing
 *   ask_entail.c    ... and by a model of entailment, where there is one
 *
 * Everything of an `asking` lives until the call ends; what the caller gets is copied into the
 * answer's own arena. */
#ifndef CAIRN_ENGINE_ASK_H
#define CAIRN_ENGINE_ASK_H

#include "engine/search.h"
#include "engine/word_filter.h"
#include "generate/encode/entailment.h"
#include "retrieve/cite.h"
#include "retrieve/context.h"
#include "retrieve/standing.h"
#include "retrieve/decompose.h"
#include "retrieve/evidence.h"
#include "retrieve/exhaustive.h"

#define ASK_BYTES    ((size_t)1 << 30)
#define ANSWER_BYTES ((size_t)1 << 20)
#define ASK_CITED_MAX 64
#define ASK_READS_MAX 8 /* sentences that excerpts are made of */

/* A part of a passage that the answer cites. */
typedef struct ask_cited {
    size_t hit, n;     /* index into the hits; the number in the answer */
    size_t start, end; /* bytes of the passage */
    bool supported;
} ask_cited;

#define ASK_PLACES       6  /* that one sentence of a model is put to the model of entailment with */
#define ASK_SENTENCES    64 /* of an answer that are put to it */
#define ASK_ENTAILED_MAX 64 /* that are told of */

/* Where the words of a sentence of the model stand: what is cited of a passage, and what around it was read. */
typedef struct ask_place {
    size_t hit, start, end;
    size_t near_start, near_end, head_end; /* head_end: of the table's first line, for a row */
} ask_place;

/* A sentence of the model on its way out. */
typedef struct ask_said {
    const char *text;
    size_t len, reply;           /* reply: bytes of a "Yes, " in front */
    ask_place places[ASK_PLACES]; /* the best first */
    size_t n_places, at;         /* at: the one that is cited; n_places: none, it is unsupported */
} ask_said;

typedef struct ask_entailed {
    const char *text;
    size_t len, hit;
    entailment is;
    bool held;
} ask_entailed;

typedef struct prompt_parts {
    const char *system, *open, *close, *user, *refusal, *marker;
    const char *earlier, *facts; /* may be NULL: a prompt need not have these sections */
} prompt_parts;

/* What was found for one part of a question. */
typedef struct ask_part {
    const char *question;
    retrieve_result found;
    evidence evidence; /* its sentences' passages are those of the whole question */
} ask_part;

/* Where what is told beside the answer stands, or why it does not hold on the day of the question. */
typedef enum ask_told { ASK_TOLD_DOCUMENT, ASK_TOLD_ENTRY, ASK_TOLD_BEFORE, ASK_TOLD_LATER, ASK_TOLD_SAME } ask_told;

/* Of two statements the one that holds now, and the one that no longer does, or not yet (ask_standing.c). */
typedef struct ask_standing {
    const evidence_sentence *now; /* the first of the evidence; NULL: nothing is contradicted */
    evidence_sentence old;        /* which is no longer among it; ASK_TOLD_SAME: the sentence itself, with a value for each time */
    text_span value, old_value;   /* bytes of their passages; empty: no value */
    bool quotes;                  /* the earlier sentence is quoted: its value says nothing by itself */
    ask_told told;
    bool by_day; /* on another day the answer may be another one */
    bool earlier; /* what was before is asked for, and `value` of `now` is told as that: nothing else is confirmed */
} ask_standing;

/* Files of a question about all documents. */
typedef struct ask_tally {
    size_t found, read, unreadable;
    size_t by_path; /* match only with the words of their paths */
    const char *kind; /* the filter of what is counted: "ext:pdf"; "": all */
    const char **unread; /* [n_unread] path and reason, where these are asked for */
    size_t n_unread;
} ask_tally;

typedef struct asking {
    cairn *c;
    const cairn_ask_request *request;
    int64_t start_ns;
    arena memory;
    prompt_parts prompt;
    const char *question; /* what evidence is looked for: a follow-up stands by itself here */
    const char *asked;    /* what is answered: as it was typed, or completed where it was an ellipsis ("And the K1?") */
    const char *besides;  /* the same as the model is to read it, where what was told is not asked for again; or NULL */
    follow_up_known known; /* what was told and is not to be given again */
    bool alone;            /* a completed question stands by itself: who writes needs nothing that was said before */
    bool points_back;      /* a pronoun or the like points at what was said before */
    const char **facts;   /* those of the request that have a word of the question */
    size_t n_facts;
    cairn_search_result *hits;
    uint64_t snapshot; /* that they came from */
    doc_id hop_from;   /* while a name that this document gave is followed; 0: none is */
    char cache_scope[33]; /* ask_cache.c; "" before it was looked at */
    evidence_passage *read; /* [hits->n_hits] */
    evidence evidence; /* of a question taken apart: with the best sentences of its parts before all others */
    decomposition apart;
    ask_part parts[DECOMPOSE_PARTS];
    evidence whole;    /* without them */
    size_t n_promoted; /* sentences of parts at the front */
    ask_standing standing;
    const char *hop;   /* what a bridge was found to be called; NULL: none was crossed */
    bool uncrossed;    /* the question is a statement with a question about what it describes, which was found to have no name: what answers it is
                          surer than others have to be */
    const char *described; /* what the question describes instead of naming, where what it says stands in no one place; NULL: nothing */
    const evidence_sentence *reads[ASK_READS_MAX]; /* of it, what the excerpts show, first what helps a reader most */
    size_t n_reads;
    float *named;      /* [hits->n_hits] how much of what the question names each passage has; NULL: not looked at */
    bool extractive;  /* no generator is wanted, or there is none */
    bool large;       /* models.large answers */
    bool remote;      /* an endpoint does (gateway.h) */
    bool unsent;      /* ... but was not reached */
    generator *g;     /* NULL while not needed, or where there is none */
    analyzer *an;
    word_filter *filter; /* the user's list of words, or NULL */
    context context;
    generate_text *sources; /* the passages that excerpts were taken from */
    size_t n_sources;
    cite_params cite;
    /* while generating */
    cairn_stream_fn *stream;
    void *stream_ctx;
    bytes made;      /* what the model wrote */
    size_t judged;   /* bytes of it that have been checked */
    bytes text;      /* what may be said */
    size_t shown;    /* bytes of it that have been released */
    bool stopped;    /* by the caller, or because the rest cannot be used */
    size_t withheld, n_confirmed; /* sentences */
    bool taught;     /* the answerer writes (engine_answerer), and has a say in whether there is an answer */
    taught_adapter adapter;
    token_id refusal; /* the first token of what it was taught to refuse with */
    float chance;    /* that the question is answered, by the evidence and, once it has read, by the answerer */
    bool unanswered; /* by that chance, after it has read */
    const char *refused_for; /* which check refused: "evidence", "reading" (the answerer's), "unconfirmed" (what it wrote does not hold), "kind"
                                (nothing of the kind asked for), "parts", "words" (of the user's list); NULL: none */
    bool done;       /* the answer is made */
    const char *entail_name; /* of the model of entailment; NULL: not looked for yet (ask_entail_name) */
    struct shared_model *entailer; /* models.entailment, opened; NULL: none is asked */
    entailment_head entail_head;
    ask_entailed entailed[ASK_ENTAILED_MAX];
    size_t n_entailed;
    ask_cited cited[ASK_CITED_MAX];
    size_t n_cited, n_numbers;
    int64_t first_ns;
    generate_result result;
    ask_tally tally; /* of a question about all documents */
    size_t remote_prompt, remote_completion; /* tokens, as the endpoint counts them */
} asking;

/* ---- ask.c ---- */
/* The chance that an answer needs (ask.min_answerable, or more). */
float ask_least(const asking *a);
/* cairn_ask without a stream; `observe` (may be NULL) sees the evidence before it is judged, and again what was made of it, `done`. */
cairn_status ask_observed(cairn *c, const cairn_ask_request *request,
                          void (*observe)(void *ctx, const asking *a), void *ctx,
                          cairn_answer **out, cairn_error *err);

/* What an answer would be made of, without making it: `look` sees the passages read, the evidence and the excerpts
 * for the model, whose tokens are estimated. It is not called for a question about all documents. */
cairn_status ask_consider(cairn *c, const cairn_ask_request *request, void (*look)(void *ctx, const asking *a),
                          void *ctx, cairn_error *err);

/* What the generator would be asked about what an observer sees, whether the evidence lets it answer or
 * not, for calibration and teaching: *out, which the caller owns, is NULL where there are no passages. */
cairn_status ask_prompt_of(const asking *seen, json_t **out, cairn_error *err);

/* ---- ask_alone.c ---- */
/* After ask_retrieve, of a question in a conversation: the same without what was said before where it needs none of it. Then *a is what was
 * found for it alone, and *request, which a->request is, has no history. */
cairn_status ask_leave_conversation(asking *a, cairn_ask_request *request, cairn_error *err);

/* ---- ask_prompt.c ---- */
cairn_status ask_load_prompt(asking *a, cairn_error *err);
/* The messages for the generator; the caller releases *out. */
cairn_status ask_messages(asking *a, json_t **out, cairn_error *err);

/* ---- memory_facts.c ---- */
cairn_status ask_choose_facts(asking *a, cairn_error *err);

/* ---- ask_evidence.c ---- */
/* Tokens of a generator; without one (NULL) an estimate, four bytes each. */
size_t ask_count_tokens(void *ctx, const char *text, size_t len);
cairn_status ask_retrieve(asking *a, cairn_error *err);
/* *found, which begins with what a->hits has, in its place. */
cairn_status ask_present(asking *a, const view *v, const retrieve_query *query, const retrieve_result *found, cairn_error *err);
/* What of the passages hits[of[0, n)], found with these scores, answers the question; `of` NULL: all as they stand. The sentences' passages
 * are places in a->hits. */
cairn_status ask_find_evidence(asking *a, const view *v, const char *question, size_t typed_len, const size_t *of, const retrieve_hit *scores,
                               size_t n, evidence *out, cairn_error *err);
/* Log-odds that those of a sentence are compared with: the best one's of the whole question. */
float ask_best_score(const asking *a);
/* Excerpts of the passages with the best sentences, into a->context. */
cairn_status ask_assemble(asking *a, cairn_error *err);

/* ---- ask_answer.c ---- */
/* Generate and check; a->text holds what may be said (empty: nothing held). */
cairn_status ask_generate(asking *a, cairn_error *err);
/* The number, date or name that a sentence of a model's answer gives, where the question asks for one and the answer says more; NULL: none,
 * or the answer has more sentences. */
char *ask_short_answer(asking *a, const char *text, size_t len, arena *memory);
/* The best sentence of the documents as the answer, with its citation. */
cairn_status ask_extract(asking *a, cairn_answer *out, arena *memory, cairn_error *err);
/* Where bytes [start, end) of a hit's text lie in its document. */
void ask_document_range(const cairn_hit *h, size_t start, size_t end, cairn_citation *out);
/* False when the question asks for a number or a date, the documents have one and the answer none. */
bool ask_fits_type(asking *a);
/* The sentence that ask_extract answers with; NULL when none will do. */
const evidence_sentence *ask_typed_sentence(const asking *a);
/* What is quoted with a sentence, in bytes of its passage: the sentence before one that begins with "it", the one behind a question,
 * the list behind a colon. Of a row itself alone. */
void ask_whole_span(const asking *a, const evidence_sentence *s, size_t *start, size_t *end);
/* To a->text "Name: " of who wrote the mail that the passage is of, where the question asks who and bytes [start, end) say "I". */
cairn_status ask_put_speaker(asking *a, const evidence_sentence *s, size_t start, size_t end);
/* Bytes [start, end) of the sentence's passage on one line, or its row spelt with the names of the columns, behind a->text. */
cairn_status ask_put_quoted(asking *a, const evidence_sentence *s, size_t start, size_t end);
/* "name | price" above "Bearing | 14.20" reads "name: Bearing; price: 14.20". */
cairn_status ask_spell_row(const char *head, size_t head_len, const char *row, size_t row_len, bytes *out);
/* False where a claim gives a number with a unit, and the row has it without one below a name that ends with another
 * ("7800 kg" of "weight_g | 7800"). */
bool ask_columns_agree(const char *head, size_t head_len, const char *row, size_t row_len, const char *claim,
                       size_t claim_len, arena *memory);
/* What the name of a column ("price (EUR)") says of a bare number below it; below a price, money of no known currency. */
void ask_unit_of_column(const char *name, size_t len, answer_type type, quantity *q, arena *memory);
bool ask_is_article(const char *word, size_t len);
/* Does the row have every word of the side ("the K1") but articles? */
bool ask_row_names(const char *row, size_t len, const char *side);
/* What a->cited holds, into the answer. */
cairn_status ask_copy_citations(asking *a, cairn_answer *out, arena *memory, cairn_error *err);
void ask_release(asking *a, const char *text, size_t len);
/* A copy in `memory`, with the personal data and the words that the settings name replaced; NULL without memory. */
char *ask_redacted(const asking *a, const char *text, size_t len, arena *memory);

/* The number of hits[hit][start, end) in the answer. */
cairn_status ask_add_cited(asking *a, size_t hit, size_t start, size_t end, bool supported, size_t *n);

/* ---- ask_place.c ---- */
/* Where what the model said is in the documents, near the evidence, into said->places: the best evidence that holds it, and where a model of
 * entailment chooses among them, more. */
cairn_status ask_confirm(asking *a, ask_said *said, cairn_error *err);
/* A number or a name is soon found somewhere. What is cited must speak of what was asked nearly as much as the best sentence does; the best
 * sentence itself may always be, and the few likeliest ones beside it. */
bool ask_speaks_of_question(const asking *a, const evidence_sentence *s);

/* ---- ask_entail.c ---- */
/* What entail_named names, looked for on the first call of an answer; "": none. NULL: no memory. */
const char *ask_entail_name(asking *a);
/* Open the model, before anything is generated: where there is one, sentences are judged when all are written. */
cairn_status ask_entail_begin(asking *a, cairn_error *err);
/* Of each sentence choose the place that entails it (said->at), or none. */
cairn_status ask_entail_judge(asking *a, ask_said *said, size_t n, cairn_error *err);
/* What the model said, into the answer. */
cairn_status ask_entail_tell(asking *a, cairn_answer *out, arena *memory, cairn_error *err);

/* ---- ask_parts.c ---- */
/* Take a->asked apart, where it has such a form, and search for each part as `e` says: hits that *found lacks go behind its own. */
cairn_status ask_parts_search(asking *a, const view *v, const engine_query *e, retrieve_result *found, cairn_error *err);
/* Behind the whole question's evidence: that of each part, and the best sentences of each to the front of a->evidence. */
cairn_status ask_parts_judge(asking *a, const view *v, cairn_error *err);
/* Search for a part, behind whose new hits the answer's passages are read again, and judge it. */
cairn_status ask_parts_find(asking *a, const view *v, const engine_query *e, const retrieve_query *query, retrieve_result *found,
                            ask_part *part, cairn_error *err);
/* The best sentences of the parts, which have been judged, to the front of a->evidence. */
cairn_status ask_parts_promote(asking *a, cairn_error *err);
/* A comparison that two values decide: both, with their places, and what follows from them, into a->text. False: they do not. */
bool ask_parts_compare(asking *a, cairn_answer *out, arena *memory);
/* A comparison of which one side is named nowhere in what was found: refused, with that side's name and what is said of the other one, in a->text. */
bool ask_parts_missing(asking *a, cairn_answer *out);
/* The best sentence of each side, where each has evidence (a value, where values are compared), into a->text. */
bool ask_parts_quote(asking *a, cairn_answer *out);
/* Does one sentence speak of all that the whole question names? */
bool ask_parts_in_one_place(const asking *a);
/* Each question of a conjunction by itself with `answer_one`, one behind the other in a->text, and which of them the documents do not
 * answer. *held false: none of them. */
cairn_status ask_parts_each(asking *a, cairn_answer *out, arena *memory,
                            cairn_status (*answer_one)(asking *, cairn_answer *, arena *, cairn_error *), bool *held, cairn_error *err);
/* Nothing was taken apart: the whole question's evidence alone. */
void ask_parts_forget(asking *a);

/* ---- ask_bridge.c ---- */
/* Of a question about a thing that it describes, behind the whole question's evidence: find what the thing is called and what the documents
 * say of that. a->apart is none where that leads nowhere. */
cairn_status ask_bridge(asking *a, const view *v, const engine_query *e, const retrieve_query *query, retrieve_result *found, cairn_error *err);
/* While a name is followed: may one of these sentences, whose passages are places in hits[of[]] (NULL: in the hits), be what it leads to? */
bool ask_bridge_may_take(const asking *a, const evidence_sentence *const *s, size_t n, const size_t *of);
/* From here on the question is that of the name that was found: where the documents' own sentence answers. */
void ask_bridge_end(asking *a);

/* ---- ask_standing.c ---- */
/* Where a later document corrects what would be the answer: that to the front of the evidence, and what is corrected out of it. */
cairn_status ask_standing_find(asking *a, cairn_error *err);
/* The sentence where it stands. */
standing_text ask_standing_text(const asking *a, const evidence_sentence *s);
/* The sentence to the front of the evidence, and what is old[i] of the first `n` out of it. */
cairn_status ask_standing_put_first(asking *a, const evidence_sentence *now, const bool *old, size_t n, cairn_error *err);
/* Does a claim give the value that no longer holds, and not the one that does? */
bool ask_standing_denies(asking *a, const char *text, size_t len);
/* Behind the answer, what the earlier document says, and where. */
cairn_status ask_standing_tell(asking *a, cairn_error *err);

/* ---- ask_earlier.c ---- */
/* Where what was before is asked for: the sentence that tells it to the front of the evidence, and the value that it tells as that. */
cairn_status ask_earlier_find(asking *a, cairn_error *err);
/* "Who was chair before Agnes?": does the sentence of a text lack the office, or with its neighbours the name, and so tell of somebody else? */
bool ask_earlier_is_another(const asking *a, const char *text, text_span sentence, text_span near);
/* Are all values of a claim told as planned ("instead of the 3,900 that were planned") by a sentence that has another one, and the question asks
 * for no plan? */
bool ask_earlier_is_old(asking *a, const char *sentence, size_t size, const char *claim, size_t len);
/* Does a claim not give that value? */
bool ask_earlier_denies(asking *a, const char *text, size_t len);

/* ---- ask_route.c ---- */
/* Who answers: sets extractive, large, remote and g, and in *out the reason where there was a choice. */
cairn_status ask_choose_way(asking *a, cairn_answer *out, arena *memory, cairn_error *err);
/* After the local model has failed or nothing that it said held: whether an endpoint may try. */
bool ask_falls_back(asking *a, cairn_answer *out, arena *memory);

/* ---- ask_cache.c ---- */
/* An answer that was given before to this question, or to one like it, into *out. */
bool ask_cache_find(asking *a, cairn_answer *out, arena *memory);
void ask_cache_put(asking *a, const cairn_answer *out);

/* ---- ask_exhaustive.c ---- */
/* All documents that hold what the question names: a->hits and a->tally. *ordinary: it is a question like others after all, for how
 * many files there are of a name that no title or path has ("how many books are there?"); nothing is kept then. */
cairn_status ask_exhaustive_find(asking *a, exhaustive *x, bool *ordinary, cairn_error *err);
/* The answer that tells them; fills everything of *out. */
cairn_status ask_exhaustive(asking *a, const exhaustive *x, cairn_answer *out, arena *memory,
                            cairn_error *err);

#endif
