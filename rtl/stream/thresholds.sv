// Thresholds: counts, for each element, how many of its channel's thresholds count, by binary
// search. A threshold counts if the element reaches it, or, where the mask is 1, if it does not.
// Those that count are at the front of the channel's 2**STAGES - 1 thresholds. One beat per cycle.
//
// Each stage finds one bit of the count, the highest first: it compares the element to the
// threshold in the middle of those that are left. The thresholds are in LUTs.
//
// The whole pipeline advances together; it stalls only while an output beat is not taken, so
// in_ready depends on out_ready.

module thresholds #(
    parameter int PE        = 1,   // channels of a beat, at most 10000
    parameter int WORDS     = 2,   // beats of a vector
    parameter int IN_BITS   = 8,   // of an element
    parameter int IN_SIGNED = 0,   // 1: elements are two's complement
    parameter int STAGES    = 2,   // bits of a count, at most 9
    parameter int OUT_BITS  = 2,   // of a result, BIAS + SCALE * count
    parameter int BIAS      = 0,
    parameter int SCALE     = 1,   // at least 0
    parameter     MASK      = "",  // for $readmemh: a bit per channel, PE per word
    // Thresholds for $readmemh, IN_BITS + 1 bits each, counted from the least element. Those of the
    // first stage: PE per word, WORDS words.
    parameter     FIRST     = "",
    // Those of a later stage and a lane are in LATER_stage_lane.hex, the lane in four digits:
    // 2**stage words for each beat of a vector, in the order of the bits found so far.
    parameter     LATER     = ""
) (
    input  logic                        clk,
    input  logic                        rst_n,      // synchronous, active low

    input  logic [PE-1:0][IN_BITS-1:0]  in_data,
    input  logic                        in_valid,
    output logic                        in_ready,

    output logic [PE-1:0][OUT_BITS-1:0] out_data,
    output logic                        out_valid,
    input  logic                        out_ready
);

    if (PE < 1 || PE > 10000) begin : check_pe
        $error("thresholds: PE = %0d, must be 1 to 10000", PE);
    end
    if (WORDS < 1) begin : check_words
        $error("thresholds: WORDS = %0d, must be at least 1", WORDS);
    end
    if (IN_BITS < 1) begin : check_in_bits
        $error("thresholds: IN_BITS = %0d, must be at least 1", IN_BITS);
    end
    if (STAGES < 1 || STAGES > 9) begin : check_stages
        $error("thresholds: STAGES = %0d, must be 1 to 9", STAGES);
    end
    if (OUT_BITS < 1) begin : check_out_bits
        $error("thresholds: OUT_BITS = %0d, must be at least 1", OUT_BITS);
    end
    if (SCALE < 0) begin : check_scale
        $error("thresholds: SCALE = %0d, must be at least 0", SCALE);
    end

    localparam int T_BITS    = IN_BITS + 1;
    localparam int WORD_BITS = (WORDS == 1) ? 1 : $clog2(WORDS);

    // The sum of shifted counts, so that synthesis takes no DSP block for the product.
    function automatic logic [OUT_BITS-1:0] code(input logic [STAGES-1:0] count);
        code = OUT_BITS'(BIAS);
        for (int b = 0; b < OUT_BITS && b < 31; b++)
            if (SCALE[b]) code = code + (OUT_BITS'(count) << b);
    endfunction

    // ---------------------------------------------------------------- pipeline control

    logic move;
    assign move     = !out_valid || out_ready;
    assign in_ready = move;

    // What each stage works on: the beat's number, its elements and its mask, and the bits found so
    // far. As in mvau_rom, initial values keep the thresholds in the LUTs that use them.
    logic [STAGES-1:0]                       valid;
    logic [STAGES-1:0][WORD_BITS-1:0]        word;
    logic [STAGES-1:0][PE-1:0][IN_BITS-1:0]  x;
    logic [STAGES-1:0][PE-1:0]               mask;
    logic [STAGES-1:0][PE-1:0][STAGES-1:0]   count, longer;
    initial word = '0;
    assign valid[0] = in_valid;
    assign count[0] = '0;
    always_ff @(posedge clk) begin
        if (!rst_n) word[0] <= '0;
        else if (move && in_valid)
            word[0] <= (word[0] == WORD_BITS'(WORDS - 1)) ? '0 : word[0] + 1'b1;
    end
    lut_rom #(
        .WIDTH(PE), .DEPTH(WORDS), .FILE(MASK)
    ) masks (.address(word[0]), .data(mask[0]));
    for (genvar r = 0; r < PE; r++) begin : offset
        // Counted from the least element, like the thresholds.
        assign x[0][r] = in_data[r] ^ (IN_BITS'(IN_SIGNED != 0) << IN_BITS - 1);
    end

    for (genvar k = 1; k < STAGES; k++) begin : follow
        initial count[k] = '0;
        always_ff @(posedge clk) begin
            if (!rst_n) valid[k] <= 1'b0;
            else if (move) valid[k] <= valid[k-1];
        end
        always_ff @(posedge clk) begin
            if (move) begin
                word[k]  <= word[k-1];
                x[k]     <= x[k-1];
                mask[k]  <= mask[k-1];
                count[k] <= longer[k-1];
            end
        end
    end

    // ---------------------------------------------------------------- search

    for (genvar k = 0; k < STAGES; k++) begin : stage
        logic [PE-1:0][T_BITS-1:0] threshold;
        if (k == 0) begin : first
            lut_rom #(
                .WIDTH(PE * T_BITS), .DEPTH(WORDS), .FILE(FIRST)
            ) row (.address(word[0]), .data(threshold));
        end
        for (genvar r = 0; r < PE; r++) begin : lane
            if (k > 0) begin : later
                localparam int ADDRESS_BITS = $clog2(WORDS << k);
                lut_rom #(
                    .WIDTH(T_BITS), .DEPTH(WORDS << k),
                    .FILE({LATER, "_", 8'("0" + k), "_", 8'("0" + r / 1000), 8'("0" + r / 100 % 10),
                           8'("0" + r / 10 % 10), 8'("0" + r % 10), ".hex"})
                ) row (
                    .address(ADDRESS_BITS'({word[k], count[k][r][k-1:0]})), .data(threshold[r])
                );
            end
            logic counts;
            assign counts = (T_BITS'(x[k][r]) >= threshold[r]) ^ mask[k][r];
            assign longer[k][r] = STAGES'({count[k][r], counts});
        end
    end

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (move) out_valid <= valid[STAGES-1];
    end
    for (genvar r = 0; r < PE; r++) begin : result
        always_ff @(posedge clk) if (move) out_data[r] <= code(longer[STAGES-1][r]);
    end

endmodule
