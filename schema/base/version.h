/* The version of this source tree, and of all its programs. */
#ifndef AQ_SCHEMA_BASE_VERSION_H
#define AQ_SCHEMA_BASE_VERSION_H

#define AQ_VERSION "0.1.0"

#endif
