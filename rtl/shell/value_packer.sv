// Value packer: sign-extends the accelerator's values to 32 bits and packs two into each word for
// memory. It counts frames because each batch begins with a new word: if a batch has an odd number
// of values, its last word has only one, in the lower half.

module value_packer #(
    parameter int LANES = 1,      // values of a beat, at least 1
    parameter int BITS = 16,      // of a value, 1 to 32
    parameter int BEATS = 10,     // of a frame, at least 1
    parameter int TDATA_BITS = 16 // of a beat, at least LANES * BITS
) (
    input  logic                  clk,
    input  logic                  rst_n,              // synchronous, active low

    input  logic [31:0]           batch_last_frame,   // frames of the batch - 1
    input  logic                  batch_valid,
    output logic                  batch_ready,        // all of the batch has passed

    input  logic [TDATA_BITS-1:0] in_data,            // the first value lowest
    input  logic                  in_valid,
    output logic                  in_ready,           // only while there is a batch

    output logic [63:0]           out_data,           // two values, the first one lowest
    output logic                  out_valid,
    input  logic                  out_ready
);

    if (LANES < 1) begin : check_lanes
        $error("value_packer: LANES = %0d, must be at least 1", LANES);
    end
    if (BITS < 1 || BITS > 32) begin : check_bits
        $error("value_packer: BITS = %0d, must be from 1 to 32", BITS);
    end
    if (BEATS < 1) begin : check_beats
        $error("value_packer: BEATS = %0d, must be at least 1", BEATS);
    end
    if (TDATA_BITS < LANES * BITS) begin : check_tdata_bits
        $error("value_packer: TDATA_BITS = %0d, must be at least LANES * BITS = %0d",
               TDATA_BITS, LANES * BITS);
    end

    localparam int BEAT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
    typedef logic [BEAT_BITS-1:0] beat_t;

    // Slices are words if beats are whole words, otherwise values. If a batch may have an odd
    // number of values, its last beat gets one more as padding.
    localparam int SLICE  = LANES % 2 == 0 ? 2 : 1;
    localparam int PAD    = LANES * BEATS % 2;
    localparam int SLICES = LANES / SLICE + PAD;
    localparam int COUNT_BITS = $clog2(SLICES + 1);
    typedef logic [COUNT_BITS-1:0] count_t;

    beat_t       beat;          // of the frame
    logic [31:0] frame;         // of the batch
    logic        last_beat, last_frame, moves, gearbox_ready;

    assign last_beat = beat == beat_t'(BEATS - 1);
    assign last_frame = frame == batch_last_frame;
    assign in_ready = batch_valid && gearbox_ready;
    assign moves = in_valid && in_ready;
    assign batch_ready = moves && last_beat && last_frame;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            beat  <= '0;
            frame <= '0;
        end else if (moves) begin
            beat <= last_beat ? '0 : beat + 1'b1;
            if (last_beat) frame <= last_frame ? '0 : frame + 1'b1;
        end
    end

    logic [(LANES+PAD)*32-1:0] values;
    count_t count;

    for (genvar i = 0; i < LANES; i++) begin : gen_value
        assign values[i*32 +: 32] = 32'($signed(in_data[i*BITS +: BITS]));
    end
    if (PAD == 1) begin : padded
        logic odd;  // the batch has an odd number of frames, and so of values
        assign odd = !batch_last_frame[0];
        assign values[LANES*32 +: 32] = '0;
        assign count = last_beat && last_frame && odd ? count_t'(SLICES) : count_t'(LANES);
    end else begin : whole
        assign count = count_t'(SLICES);
    end
    if (TDATA_BITS > LANES * BITS) begin : upper
        logic unused;
        assign unused = ^in_data[TDATA_BITS-1:LANES*BITS];
    end

    gearbox #(
        .W   (32 * SLICE),
        .IN  (SLICES),
        .OUT (2 / SLICE)
    ) words (
        .clk       (clk),
        .rst_n     (rst_n),
        .in_data   (values),
        .in_count  (count),
        .in_valid  (in_valid && batch_valid),
        .in_ready  (gearbox_ready),
        .out_data  (out_data),
        .out_valid (out_valid),
        .out_ready (out_ready)
    );

endmodule
