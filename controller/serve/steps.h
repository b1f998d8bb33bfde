/* The first steps of the routes. Each starts with a complete request whose caller has the access that its route needs.
 */
#ifndef AQ_CONTROLLER_SERVE_STEPS_H
#define AQ_CONTROLLER_SERVE_STEPS_H

#include "controller/serve/request.h"

/* read.c */
request_step read_row;   /* one row of request->entity */
request_step read_field; /* request->field of it */
request_step read_me;    /* the caller's own row */

/* authority.c */
request_step authority_answer;

/* list.c */
request_step list_rows;

/* vote.c */
request_step vote_list;

/* view.c, output.c, load.c */
request_step view_load, view_why, view_events, view_log, view_rights, read_my_rights;

/* write.c */
request_step write_begin; /* request->command */

/* exec.c */
request_step exec_begin;   /* a session for request->command */
request_step exec_send;    /* input to the session that the path names */
request_step exec_receive; /* its output */
request_step exec_end;

/* stream.c */
request_step stream_open;

/* verify.c */
request_step verify_begin;

/* metadata.c */
request_step metadata_answer;

/* openapi.c */
request_step openapi_answer;

/* metrics.c */
request_step metrics_alive, metrics_ready, metrics_answer;

#endif
