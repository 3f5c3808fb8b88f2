// Batch queue: holds batches until they are complete in memory. Reading, packing and writing each
// take the next batch when they have finished theirs, so the frames of consecutive batches follow
// each other without a pause.

module batch_queue #(
    parameter int ADDRESS_BITS = 32,  // of an address in bytes, 13 to 64
    parameter int CAPACITY = 4,       // unfinished batches it holds, at least 2
    localparam int QUEUED_BITS = $clog2(CAPACITY + 1)
) (
    input  logic                    clk,
    input  logic                    rst_n,               // synchronous, active low

    // A description must be there a cycle before its start: it is checked in that cycle.
    input  logic                    start,               // queue the batch described by:
    input  logic [63:0]             source,              // address of its frames
    input  logic [63:0]             target,              // address for its values
    input  logic [31:0]             frames,
    input  logic [ADDRESS_BITS-3:0] source_words,        // of 64 bits
    input  logic [2:0]              source_tail,         // bytes of the last one, 0 for all 8
    input  logic                    source_too_long,
    input  logic [ADDRESS_BITS-3:0] target_words,
    input  logic                    target_half,         // only the lower half of the last one
    input  logic                    target_too_long,
    output logic                    descriptor_error,    // refused: it is not valid
    output logic                    overrun,             // refused: the queue is full
    output logic [QUEUED_BITS-1:0]  queued,              // unfinished batches
    output logic                    full,                // it takes no more batches

    output logic [ADDRESS_BITS-4:0] read_address,        // for the reader, in words
    output logic [ADDRESS_BITS-3:0] read_words,
    output logic [2:0]              read_tail,
    output logic                    read_valid,
    input  logic                    read_ready,

    output logic [31:0]             pack_last_frame,     // for the packer: frames - 1
    output logic                    pack_valid,
    input  logic                    pack_ready,

    output logic [ADDRESS_BITS-4:0] write_address,       // for the writer, in words
    output logic [ADDRESS_BITS-3:0] write_words,
    output logic                    write_half,
    output logic                    write_valid,
    input  logic                    write_ready,

    input  logic                    done                 // the oldest batch is finished
);

    if (CAPACITY < 2) begin : check_capacity
        $error("batch_queue: CAPACITY = %0d, must be at least 2", CAPACITY);
    end

    logic misaligned, nowhere, invalid, accept;
    logic [31:0] last_frame;
    logic read_free, pack_free, write_free;

    assign misaligned = source[2:0] != '0 || target[2:0] != '0;
    if (ADDRESS_BITS < 64) begin : bounded
        assign nowhere = {source[63:ADDRESS_BITS], target[63:ADDRESS_BITS]} != '0;
    end else begin : unbounded
        assign nowhere = 1'b0;
    end
    always_ff @(posedge clk) begin
        invalid <= misaligned || nowhere || frames == '0;
        last_frame <= frames - 1'b1;
    end
    assign descriptor_error = start && (invalid || source_too_long || target_too_long);
    assign overrun = start && full;
    assign accept = start && !descriptor_error && !overrun;

    always_ff @(posedge clk) begin
        if (!rst_n) queued <= '0;
        else if (accept && !done) queued <= queued + 1'b1;
        else if (done && !accept) queued <= queued - 1'b1;
    end
    assign full = queued == QUEUED_BITS'(CAPACITY);

    stream_fifo #(
        .W     (2 * ADDRESS_BITS - 2),
        .DEPTH (CAPACITY)
    ) to_read (
        .clk       (clk),
        .rst_n     (rst_n),
        .in_data   ({source_tail, source_words, source[ADDRESS_BITS-1:3]}),
        .in_valid  (accept),
        .in_ready  (read_free),
        .out_data  ({read_tail, read_words, read_address}),
        .out_valid (read_valid),
        .out_ready (read_ready)
    );

    stream_fifo #(
        .W     (32),
        .DEPTH (CAPACITY)
    ) to_pack (
        .clk       (clk),
        .rst_n     (rst_n),
        .in_data   (last_frame),
        .in_valid  (accept),
        .in_ready  (pack_free),
        .out_data  (pack_last_frame),
        .out_valid (pack_valid),
        .out_ready (pack_ready)
    );

    stream_fifo #(
        .W     (2 * ADDRESS_BITS - 4),
        .DEPTH (CAPACITY)
    ) to_write (
        .clk       (clk),
        .rst_n     (rst_n),
        .in_data   ({target_half, target_words, target[ADDRESS_BITS-1:3]}),
        .in_valid  (accept),
        .in_ready  (write_free),
        .out_data  ({write_half, write_words, write_address}),
        .out_valid (write_valid),
        .out_ready (write_ready)
    );

    // The limit on unfinished batches guarantees room in the FIFOs.
    logic unused;
    assign unused = ^{read_free, pack_free, write_free};

endmodule
