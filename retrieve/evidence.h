/* evidence.h - which sentences of the retrieved passages answer a question, and whether any does.
 *
 * Every sentence gets features: the share of the question's words in it, in its neighbourhood and in
 * its passage (each word weighted by how rare it is in the collection); the rarest word that is
 * missing; whether something of the kind asked for is mentioned (answer_type.h); the passage's
 * place in both ranked lists and how far it stands out from their tails; and, for the best few, the
 * cosine of the sentence itself. A logistic model joins them to the chance that the sentence holds the
 * answer; another one, over the best sentence and what surrounds it, to the chance that the question
 * is answered at all. The coefficients are data in evidence_model.c, which says what they were
 * learned from.
 *
 * A row of a table stands for itself with the table's first line beside it. Sentences that say the
 * same (overlapping passages, copies) count once.
 *
 * Owns     everything lives in the caller's arena. One analyzer a thread.
 * Errors   CAIRN_ENOMEM, and what `similarity` returns. */
#ifndef CAIRN_RETRIEVE_EVIDENCE_H
#define CAIRN_RETRIEVE_EVIDENCE_H

#include "base/arena.h"
#include "index/text/analyzer.h"
#include "retrieve/answer_type.h"
#include "retrieve/cite.h"
#include "retrieve/follow_up.h"

typedef enum evidence_feature {
    EVIDENCE_COVER,         /* share of the question's weight in the sentence */
    EVIDENCE_COVER_AROUND,  /* ... with a sentence on either side, title and heading */
    EVIDENCE_COVER_PASSAGE, /* ... in the whole passage, title and heading */
    EVIDENCE_RARE_AROUND,   /* weight of the rarest word missing around it, against the rarest of all */
    EVIDENCE_RARE_PASSAGE,  /* ... in the passage */
    EVIDENCE_TYPE,          /* mentions what is asked for (or any sentence would do) */
    EVIDENCE_TYPE_STRONG,   /* mentions it, and the question says what it asks for */
    EVIDENCE_NAMES,         /* share of the question's names and identifiers in the passage */
    EVIDENCE_NUMBERS,       /* the question's numbers that are missing around it */
    EVIDENCE_LEXICAL_FIRST, /* the passage leads the list of words */
    EVIDENCE_LEXICAL_SHARE, /* its score against the leader's */
    EVIDENCE_LEXICAL_STEP,  /* its score above the tail, a unit of the question's weight */
    EVIDENCE_VECTOR_FIRST,  /* the passage leads the list of vectors */
    EVIDENCE_VECTOR_GAP,    /* its cosine below the leader's (<= 0) */
    EVIDENCE_VECTOR_STEP,   /* its cosine above the tail */
    EVIDENCE_VECTOR,        /* its cosine */
    EVIDENCE_LENGTH,        /* words of the sentence, 1 = 60 and more */
    EVIDENCE_FOREIGN,       /* the passage is in another language than the question */
    EVIDENCE_COSINE,        /* of the sentence; second round only */
    EVIDENCE_COSINE_STEP,   /* ... above the tail of passages */
    EVIDENCE_NAMES_NONE,    /* the question has names, and its document none of them: no passage of it, nor its path */
    EVIDENCE_NAMES_NOWHERE, /* share of them that no passage read has */
    EVIDENCE_NAMES_UNLINKED, /* share of the question's names and numbers that neither its document nor one that
                                belongs to it has; those that are common in the collection count less */
    EVIDENCE_COUNTED_MISSING, /* "how many visitors": its document has no visitors */
    EVIDENCE_ATTRIBUTE_MISSING, /* "what is the price of": no price */
    EVIDENCE_FEATURES        /* how many */
} evidence_feature;

/* What the decision about the whole question adds to the best sentence's features. */
typedef enum evidence_extra {
    EVIDENCE_BEST_SCORE,   /* its log-odds */
    EVIDENCE_LEAD,         /* log-odds above the best sentence of another passage */
    EVIDENCE_MOST_COVER,   /* highest cover of any sentence */
    EVIDENCE_MOST_AROUND,  /* highest cover around any sentence */
    EVIDENCE_MOST_COSINE,  /* highest cosine of any sentence above the tail */
    EVIDENCE_WORDS,        /* content words of the question, 1 = 10 and more */
    EVIDENCE_EXTRAS
} evidence_extra;

typedef struct evidence_passage {
    cite_passage text;
    uint64_t doc;    /* passages of one document have the same; 0: not known */
    const char *uri; /* its path, whose words count as the document's; may be NULL */
    float lexical, vector; /* raw scores; 0 where a list does not hold it */
} evidence_passage;

struct evidence_sentence;

/* What a cosine c of an embedder is on the scale of the one that evidence_model.c was learned from: shift + by * c. */
typedef struct cosine_scale {
    float by, shift;
} cosine_scale;

typedef struct evidence_params {
    /* How rare a word of the question is (ln based, > 0); NULL: all alike. */
    double (*idf)(void *ctx, const char *word, size_t len);
    void *idf_ctx;
    /* Cosine of each sentence to the question, NAN for one that the encoder cannot read: it counts as one that speaks of
     * something else. NULL: the vectors' features stay out. */
    cairn_status (*similarity)(void *ctx, const struct evidence_sentence *const *sentences, size_t n,
                               float *cosines, cairn_error *err);
    void *similarity_ctx;
    cosine_scale scale;   /* of those cosines and of the passages'; default 1 and 0 */
    size_t max_similar;   /* sentences that get a cosine at most; default 12 */
    size_t least_similar; /* and so many always; default 3 */
    float similar_spread; /* beyond these, only sentences so close to the best in log-odds, and foreign ones;
                             default 1.6 */
    size_t similar_bytes; /* and, beyond two, only while all together are no longer: an encoder's time is the
                             length of its texts; default 900 */
    /* Bytes of the question that were typed; what is behind them was carried over from a chat and weighs
     * `carried` of a word that was asked (default 0.3). 0: all was typed. */
    size_t typed_len;
    double carried;
    follow_up_known known; /* sentences that repeat it are no evidence */
    size_t tail_from;   /* rank from which passages are the tail; default 5 */
} evidence_params;

void evidence_params_default(evidence_params *p);

typedef struct evidence_sentence {
    size_t passage;    /* index into the passages */
    size_t start, end; /* bytes of the passage */
    size_t head_end;   /* of a table's row: the end of the table's first line, which begins at 0; else 0 */
    size_t before, after; /* bytes: start of the sentence before, end of the one after; its own where there is none or it
                             speaks to the model */
    float feature[EVIDENCE_FEATURES];
    float lift;  /* part of the score: it has a designation of the question ("E2") that is in no title or heading; below 0: it speaks of another
                    one ("E1") */
    float tally; /* part of the lift, of the tally of a vote that is asked about; a reader has to see what it was about as well, so not of `reading` */
    bool acts;    /* what the question asks to do is spoken of in it or in its title or heading, or it asks for nothing of the kind */
    bool acts_in_passage; /* ... in its passage */
    float idle;  /* log-odds off where it is not, but by another sentence that mentions what is asked for, too */
    bool away;   /* it is about another way of the journey that is asked about */
    bool blank;  /* a row whose cell is empty below the name of a column that the question has */
    float score; /* log-odds that it holds the answer */
    float reading; /* how much it helps a reader who is shown several: larger first; as sentence_for_reading, or the score */
    float injection; /* injection_score of it */
    bool planted;    /* an instruction to a language model (injection.h): never evidence */
} evidence_sentence;

typedef struct evidence {
    evidence_sentence *sentences; /* best first; planted ones last */
    size_t n;
    answer_type type;
    bool asks_to_do; /* the sentences' `acts` says something */
    unsigned units; /* answer_units_of the question, or of what it counts */
    float extra[EVIDENCE_EXTRAS];
    float answerable; /* 0 .. 1 */
    const char *lang; /* of the question, "" when not known; static */
    size_t n_planted;
    size_t typed_len; /* as in the params */
} evidence;

/* passages[n]: best first, as retrieved. */
cairn_status evidence_find(analyzer *an, const char *question, const evidence_passage *passages,
                           size_t n, const evidence_params *params, arena *a, evidence *out,
                           cairn_error *err);

/* The part of a sentence that answers by itself: the mention of what is asked for that stands nearest
 * to the question's words and is not one of them. False when the question's type has none. */
bool evidence_short_answer(analyzer *an, const char *question, const evidence *e,
                           const evidence_passage *p, const evidence_sentence *s, text_span *out);

/* The mentions in a sentence of what is asked for, as above, the nearest to the question's words first, in `a`. */
cairn_status evidence_mentions(analyzer *an, const char *question, const evidence *e, const evidence_passage *p,
                               const evidence_sentence *s, arena *a, text_span **out, size_t *n, cairn_error *err);

/* Is the sentence far behind the best one, in place (the sixth and later) and by 1.0 and more in log-odds? Where the evidence alone does not answer, a
 * reader who finds the answer there agrees with it about nothing. */
bool evidence_is_far(const evidence *e, const evidence_sentence *s);

/* The question's language by its function words among the candidates and the commonest ones; "" when
 * none shows. Static. */
const char *evidence_language(const char *question, size_t len, const char *const *candidates,
                              size_t n);

#endif
