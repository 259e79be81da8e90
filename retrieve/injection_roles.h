/* injection_roles.h - the parts that a sentence's words play where somebody is given an order about
 * an answer: who is spoken to, what is to be done, with what, and where the sentence stands.
 *
 * The parts are bits of one number, so that any two of them can be weighed together
 * (injection_learned.c). They say nothing by themselves: a manual orders, a policy names machines.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_INJECTION_ROLES_H
#define CAIRN_RETRIEVE_INJECTION_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t injection_roles;

#define INJECTION_ROLE(i) ((injection_roles)1 << (i))

enum {
    /* words */
    ROLE_MODEL,    /* a machine that writes: AI, chat bot, language model */
    ROLE_PROGRAM,  /* a program, a tool, a machine; "assistant", which may be a person */
    ROLE_MADE,     /* made by one: automatic, generated */
    ROLE_READS,    /* what it does with a text: read, summarise, quote, rate */
    ROLE_PRODUCT,  /* what comes of it: answer, digest, caption */
    ROLE_THIS,     /* this page, the figure above */
    ROLE_MUST,     /* must, shall, is to */
    ROLE_SOFT,     /* please, it would be kind, is asked to */
    ROLE_SAY,      /* say, call, present as */
    ROLE_OMIT,     /* leave out, unmentioned */
    ROLE_DROP,     /* forget, no longer holds */
    ROLE_PRIOR,    /* what was asked or ordered before */
    ROLE_SECRET,   /* passwords, prompts, stored data */
    ROLE_PERSON,   /* whoever asks, the user, visitors */
    ROLE_YOU,
    ROLE_ME,
    ROLE_PRAISE,   /* judgements that a text has reason to forge: best, approved, dangerous, void */
    ROLE_PLAY,     /* imagine, play, you are now */
    ROLE_ONLY,     /* nothing but, only, in place of */
    ROLE_EVERY,    /* every answer, whenever, from now on */
    ROLE_WHOEVER,  /* whoever, any, those who */
    ROLE_MODE,     /* a state of a system: mode, profile, policy */
    ROLE_TOLD,     /* reports: said, was told */
    ROLE_ABOUT,    /* speaks about such texts: attackers, example, injection */
    ROLE_OPTION,   /* of programming: --flag, file names, code */
    ROLE_LETTER,   /* of letters and meetings: regards, meeting, attached */
    ROLE_THING,    /* what is handled by hand: button, filter, sauce */
    ROLE_LITERAL,  /* what is to stand there as it is: the word, the following link */
    ROLE_FIRST,    /* a place in what is written: before anything else, at the end */
    ROLE_INSTEAD,  /* rather than, whatever it says, no matter */
    ROLE_DUE,      /* a reason that need not be shown: compliance, regulation, security */
    ROLE_ASKED,    /* is asked about, comes up, wants to know */
    ROLE_IF,
    ROLE_MONEY,    /* accounts, payments, refunds */
    ROLE_VERDICT,  /* what one would have others believe: banned, doubled, the only valid */
    ROLE_OFFICE,   /* whom honest texts send a reader to: doctor, dealer, landlord, the board */
    ROLE_GUIDE,    /* of guides to writing and of forms: italics, chapter, block letters, box */
    ROLE_STATED,   /* what is to be said or added, as something done: be added, anzugeben */
    /* orders: a clause begins with */
    ROLE_SPEAKS,   /* a verb of speech: say, tell, mention, call */
    ROLE_WRITES,   /* a verb of writing: write, append, begin with */
    ROLE_SENDS,    /* a verb that takes something elsewhere: forward, pay, open */
    ROLE_HANDS,    /* a verb of handiwork: press, heat, check */
    ROLE_DONT,     /* do not, never */
    ROLE_CLAIM,    /* and soon behind a verb of speech or writing: that, as, is */
    /* shape */
    ROLE_ORDERS,   /* a clause begins with a verb of saying, omitting, dropping */
    ROLE_CALLS,    /* a machine is called at the beginning: "Bots: ...", "for models only" */
    ROLE_QUOTES,   /* holds quotation marks */
    ROLE_ASIDE,    /* stands in brackets, a comment, a cell, a picture's words, a note */
    ROLE_MARKED,   /* begins with signs, a bracket or capitals, as machines write */
    ROLE_COLON,    /* a colon with words behind it */
    ROLE_LINK,     /* an address on the net or of mail */
    ROLE_DIGITS,
    ROLE_NAME,     /* a word with a capital within */
    /* against the text around */
    ROLE_FOREIGN,  /* names a machine or an answer, and the text around never does */
    ROLE_APART,    /* shares no word with the text around */
    ROLE_LONE,     /* orders, where no other sentence does */
    ROLE_AMONG,    /* several others order, too */
    ROLE_N
};

/* Verbs in the shape of an order. */
#define INJECTION_COMMANDS                                       \
    (INJECTION_ROLE(ROLE_SPEAKS) | INJECTION_ROLE(ROLE_WRITES) | \
     INJECTION_ROLE(ROLE_SENDS) | INJECTION_ROLE(ROLE_HANDS) | INJECTION_ROLE(ROLE_DONT))

/* Of one sentence, as written and as injection.c folds it (ended by '\0'). */
injection_roles injection_roles_of(const char *text, size_t len, const char *folded, size_t n);

#endif
