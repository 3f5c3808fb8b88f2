// Stands where finn-hlslib's header is in a FINN installation: FINN includes it everywhere, and of
// all that is in it our kernels need what it includes itself.

#ifndef BNN_LIBRARY_H
#define BNN_LIBRARY_H

#include <ap_int.h>
#include <hls_stream.h>

#endif
