/* media/file-reader.h: the feed of a source for local files, named pipes, standard input and http(s), by libavformat's
 * demuxers in a thread of its own. Everything is opened, probed and read in that thread; docs/architecture.md says why
 * these have a reader and the other live streams a pipeline. */
#pragma once

#include "media/source-feed.h"

typedef struct {
    unsigned audio_track; /* 1, 2, …: which of the audio tracks; 0: the one in @language, else the default one, else the
                             first */
    const char *language;      /* (nullable) BCP 47: "en" */
    unsigned commentary_track; /* likewise from 1: read beside it; 0: none */
    unsigned allowed_channels; /* a set of audio/layout.h */
    bool is_sound_alone;
    int64_t silence_ns; /* a pipe or a server that yields nothing for so long is an error */
} DubFileReaderConfig;

/* @path: "-" is standard input; or a URL that is http. Errors of opening come through the handover. The reader of a URL
 * stops without being waited for. */
DubSourceFeed *dub_file_reader_new(const char *path, const DubFileReaderConfig *config, DubHandover *handover);
