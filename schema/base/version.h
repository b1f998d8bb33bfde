/* The version of this source tree: of all binaries alike. */
#ifndef AQ_SCHEMA_BASE_VERSION_H
#define AQ_SCHEMA_BASE_VERSION_H

#define AQ_VERSION "0.1.0"

#endif
