// Stand-in for the header of finn-hlslib in a FINN installation. FINN includes it everywhere; our
// kernels need only the headers that it includes itself.

#ifndef BNN_LIBRARY_H
#define BNN_LIBRARY_H

#include <ap_int.h>
#include <hls_stream.h>

#endif
