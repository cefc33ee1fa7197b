#pragma once

/*
 * Has libav's messages written by base/log as module "libav": its errors as warnings, its warnings
 * as debug lines (it complains of much that is none of an operator's business). Once per process.
 */
void media_log_setup(void);
