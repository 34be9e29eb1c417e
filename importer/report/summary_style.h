/* report/summary_style.h: the style sheet of the HTML report. Light and dark, narrow and wide, screen and paper. */
#ifndef WINDROW_REPORT_SUMMARY_STYLE_H
#define WINDROW_REPORT_SUMMARY_STYLE_H

extern const char summary_style[];

#endif
