/* text/speakable.h: text as it is written becomes text as it is said: "21 yd" becomes "veintiuna yardas".
 * Any thread; nothing is kept between calls. Text is UTF-8. */
#pragma once

/* The spoken text is at most this many bytes for each byte of the text, and as many once. */
#define DUB_SPEAKABLE_GROWTH 32

/**
 * dub_speakable:
 * @text: a sentence or several in @language, as a translator or a subtitle writes them
 * @language: as BCP 47 has it: "es", "pt-BR"; the region is looked at only where it changes what is said
 *
 * Puts into words what synthesisers read badly or each in a way of its own: numbers, ordinals, dates, times
 * of day, scores, ranges, years, money, percentages, units, fractions, telephone numbers, roman numerals,
 * abbreviations, symbols, addresses of the Web and of mail. Plain words come back byte for byte, so text that
 * is speakable already comes back as it is. Spanish, English, French, Italian, Portuguese and German are
 * known. In any other language, only white space is tidied and control characters taken out. Returns:
 * (transfer full): valid UTF-8 even where @text is not; never NULL
 */
char *dub_speakable(const char *text, const char *language);
