/* text/stand-ins.h: words that Apertium translates from English to Spanish in exactly one way wherever they
 * stand, found by trying. They hold a term's place: the article, adjectives and verb around them come out as
 * the term's own translation needs them. None of them belongs to a game. For the files of this folder, and
 * their tests. */
#pragma once

#include "text/spanish.h"

typedef enum {
    DUB_STAND_IN_MASCULINE,
    DUB_STAND_IN_FEMININE,
    DUB_STAND_IN_VERB, /* regular in -ar */
    DUB_STAND_IN_ADJECTIVE,
    DUB_STAND_IN_ADVERB, /* for phrases that agree with nothing */
    DUB_N_STAND_IN_KINDS,
} DubStandInKind;

typedef struct {
    const char *english; /* noun: singular; verb: base */
    const char *spanish; /* noun: singular; verb: the stem before -ar; adjective: masculine singular */
} DubStandIn;

/* Ended by a row of NULL. */
const DubStandIn *dub_stand_ins(DubStandInKind kind);

/* Is @word (folded) a form of @stand_in's Spanish? @form: (out): its form; nouns and adjectives tell theirs
 * as the index of a participle: m.s., f.s., m.pl., f.pl. */
bool dub_stand_in_is(const DubStandIn *stand_in, DubStandInKind kind, const char *word, DubSpanishForm *form);
