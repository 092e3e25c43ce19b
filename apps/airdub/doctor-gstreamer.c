/* airdub/doctor-gstreamer.c: the elements that the pipelines are made of, and the package that brings each. */
#include "airdub/doctor.h"

#include <gst/gst.h>

#define GROUP "GStreamer"
#define BASE  "gstreamer1.0-plugins-base"
#define GOOD  "gstreamer1.0-plugins-good"
#define BAD   "gstreamer1.0-plugins-bad"
#define LIBAV "gstreamer1.0-libav"

static const struct {
    const char *element, *package, *purpose;
} needed[] = {
    { "appsrc", BASE, "feeds the muxers" },
    { "appsink", BASE, "hands samples and pictures over" },
    { "parsebin", BASE, "finds the tracks of a stream" },
    { "audioconvert", BASE, "audio formats" },
    { "audioresample", BASE, "audio rates" },
    { "rtmp2src", BAD, "RTMP in" },
    { "rtmp2sink", BAD, "RTMP out" },
    { "rtspsrc", GOOD, "RTSP in" },
    { "rtph264depay", GOOD, "RTSP in" },
    { "srtsrc", BAD, "SRT in" },
    { "srtsink", BAD, "SRT out" },
    { "hlssink2", BAD, "HLS out" },
    { "flvdemux", GOOD, "FLV and RTMP in" },
    { "flvmux", GOOD, "FLV and RTMP out" },
    { "matroskademux", GOOD, "MKV over SRT in" },
    { "tsdemux", BAD, "MPEG-TS in" },
    { "mpegtsmux", BAD, "MPEG-TS out" },
    { "mpegaudioparse", GOOD, "MP3 in" },
    { "mpg123audiodec", GOOD, "MP3 in" },
    { "h264parse", BAD, "H.264" },
    { "h265parse", BAD, "H.265" },
    { "aacparse", GOOD, "AAC" },
    { "avdec_aac", LIBAV, "AAC decoding" },
};

static void check_element(DoctorReport *report, gsize i)
{
    g_autoptr(GstElementFactory) factory = gst_element_factory_find(needed[i].element);
    g_autoptr(GstPluginFeature) loaded = factory ? gst_plugin_feature_load(GST_PLUGIN_FEATURE(factory)) : NULL;
    if (loaded)
        doctor_add(report, DOCTOR_OK, GROUP, g_strdup(needed[i].element), g_strdup(needed[i].purpose), NULL);
    else
        doctor_add(report, DOCTOR_FAIL, GROUP, g_strdup(needed[i].element),
                   g_strdup_printf("%s: %s", factory ? "cannot be loaded" : "missing", needed[i].purpose),
                   g_strdup_printf("apt-get install %s%s", factory ? "--reinstall " : "", needed[i].package));
}

void doctor_check_gstreamer(DoctorReport *report)
{
    g_autoptr(GError) error = NULL;
    if (!gst_init_check(NULL, NULL, &error)) {
        doctor_add(report, DOCTOR_FAIL, GROUP, g_strdup("library"), g_strdup(error->message),
                   g_strdup("apt-get install --reinstall libgstreamer1.0-0"));
        return;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(needed); i++)
        check_element(report, i);
}
