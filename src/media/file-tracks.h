/* media/file-tracks.h: which of a file's tracks are read, and what its container says about them. A track that is
 * discarded does not count. Pure, one thread. */
#pragma once

#include <glib.h>
#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stdint.h>

const AVStream *dub_file_tracks_find_video(const AVFormatContext *format); /* NULL: none; a cover is no video */
/* @number: of the audio tracks, from 1; 0: the one in @language (nullable, BCP 47), else the default one, else the
 * first; @except: (nullable) none of these is it. Returns: NULL where there is none at all, or none of that number:
 * then with DUB_ERROR_INVALID_ARGUMENT */
const AVStream *dub_file_tracks_find_audio(const AVFormatContext *format, unsigned number, const char *language,
                                           const AVStream *except, GError **error);
/* Returns: (transfer full) (nullable): "track 2 of 3 (spa)"; NULL where it is the only one */
char *dub_file_tracks_audio_name(const AVFormatContext *format, const AVStream *audio);
/* Where the track's sound ends by its edit list; G_MAXINT64: where its packets end. */
int64_t dub_file_tracks_sound_end_ns(const AVFormatContext *format, const AVStream *audio);
int64_t dub_file_tracks_duration_ns(const AVFormatContext *format); /* DUB_TIME_NONE: not known, or not yet */
/* Whether a file that ends before its stated duration was cut short. @file_bytes: -1: not known */
bool dub_file_tracks_is_length_declared(AVFormatContext *format, const AVStream *stream, int64_t file_bytes);
