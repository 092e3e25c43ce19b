/* text/speak-language.h: what ICU does not know about how a language is read aloud. For src/text alone;
 * constant data. */
#pragma once

#include <stdbool.h>

/* When an abbreviation is one, and whether its full stop can be the sentence's too. */
typedef enum {
    DUB_ABBREVIATION_ANYWHERE = 0,
    DUB_ABBREVIATION_NAME = 1 << 0,   /* only before a capital letter */
    DUB_ABBREVIATION_NUMBER = 1 << 1, /* only before a number */
    DUB_ABBREVIATION_END = 1 << 2,    /* its full stop stays at the end of the text or before a capital letter */
} DubAbbreviationWhere;

typedef struct {
    const char *written; /* in this case; a first letter in small case may be written as a capital too */
    const char *said;
    unsigned where;
} DubAbbreviation;

/* "million", "M", "mil millones": beside a number. */
typedef struct {
    const char *written;
    const char *said, *said_plural;
    bool thousand;   /* the number is said multiplied; after others, "of" joins what is counted: "millones de
                        dólares" */
    bool money_only; /* a letter that means a magnitude only beside a currency */
} DubMagnitude;

/* Words in one string are apart by one space, in small case; "-ista" is an ending. */
typedef struct {
    const char *code;
    bool decimal_point;     /* "3.125" has decimals; elsewhere the point groups thousands */
    bool pairs;             /* "3,25" is read "tres coma veinticinco", not "tres coma dos cinco" */
    bool year_reading;      /* "1998" is read otherwise than "1.998" */
    bool agrees_beyond_one; /* other numbers than 1 agree with their noun as well */
    const char *comma, *point;
    const char *minus, *plus, *percent, *number, *times, *equals, *at, *and, *dot, *slash, *hyphen, *underscore, *about,
        *per;
    const char *range, *score;
    const char *of; /* between a million and what is counted; NULL: nothing */
    const DubMagnitude *magnitudes;

    const char *date; /* %d day, %m month, %y year */
    bool month_first; /* 11/5 is a day in November */
    bool first_is_ordinal;
    bool days_are_ordinal;

    const char *clock_at;      /* words before a time of day: "las" */
    const char *clock_join;    /* between hours and minutes after such a word */
    const char *clock_else;    /* the same in every other place: "10:45" on a scoreboard */
    const char *clock_zero;    /* before the minutes 1 to 9 in every other place; NULL: nothing */
    const char *clock_full;    /* after the hour at :00 */
    const char *clock_nothing; /* the same in every other place */
    const char *clock_word;    /* "horas", "Uhr" */
    const char *clock_suffix;  /* how it is shortened: "h" */
    const char *am, *pm, *evening;
    bool feminine_hours;

    const char *dollar[2], *pound[2], *cent[2], *euro_cent[2]; /* one, several */
    const char *cents_join;

    const char *out_of;              /* "5/12": so many of so many */
    const char *halves[2];           /* 1/2, and before a feminine noun */
    const char *and_a_half[2];       /* the same after a whole number */
    const char *const *denominators; /* from 3 to 10 */
    const char *denominator_plural;  /* what several end in; "i" instead of the last letter */

    const char *masculine, *feminine; /* nouns and endings; masculine is looked at first; neither: masculine */
    const char *not_nouns;            /* words after which, or before which, a number counts nothing */
    const char *unsure;               /* adjectives that tell no gender: the next word is looked at */
    const char *number_names;         /* nouns before a number that is a name: "minuto 21" */

    const char *ordinal_masculine, *ordinal_feminine, *ordinal_before; /* endings of "1.º", apart by a space */

    const char *roman_before, *roman_after; /* nouns before and after a roman numeral */
    const char *kings, *queens;             /* given names with a roman numeral */
    int kings_ordinals;                     /* up to this number, ordinals */
    const char *king_article, *queen_article;

    const DubAbbreviation *abbreviations; /* the longer before those they begin with */
} DubSpeakLanguage;

/* Returns: NULL: not one of those known. @tag: BCP 47, also with an underscore. */
const DubSpeakLanguage *dub_speak_language_find(const char *tag);

/* Returns: whether @words has @word; an element "-end" matches what ends so. */
bool dub_speak_words_have(const char *words, const char *word);
