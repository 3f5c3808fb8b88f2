// Operands of a matrix-vector unit: replays the beats of each vector PASSES times and supplies the
// weights of each beat. `en` advances or stalls the whole pipeline behind it.

module mvau_feed #(
    parameter int W         = 8,   // width of a beat in bits, at least 1
    parameter int BEATS     = 4,   // of a vector, at least 1
    parameter int PASSES    = 2,   // at least 1
    parameter int W_WIDTH   = 8,   // bits of a beat's weights, at least 1
    parameter int BLOCK_RAM = 0,   // 1: the weights are in block RAM, 0: in LUTs
    parameter     WEIGHTS   = ""   // BEATS words for each pass, for $readmemh
) (
    input  logic                 clk,
    input  logic                 rst_n,  // synchronous, active low

    input  logic [W-1:0]         in_data,
    input  logic                 in_valid,
    output logic                 in_ready,

    input  logic                 en,     // pipeline enable
    output logic [W-1:0]         data,
    output logic [W_WIDTH-1:0]   weights,
    output logic                 valid,  // data holds a beat
    output logic                 first,  // of a pass
    output logic                 last    // of a pass
);

    localparam int DEPTH      = BEATS * PASSES;
    localparam int DEPTH_BITS = (DEPTH == 1) ? 1 : $clog2(DEPTH);

    logic [W-1:0]          next_data;
    logic [DEPTH_BITS-1:0] address;
    logic                  next_valid, next_first, next_last;
    mvau_beats #(.W(W), .BEATS(BEATS), .PASSES(PASSES)) beats (
        .clk, .rst_n, .in_data, .in_valid, .in_ready, .en, .data(next_data), .address,
        .valid(next_valid), .first(next_first), .last(next_last)
    );

    always_ff @(posedge clk) begin
        if (!rst_n) valid <= 1'b0;
        else if (en) valid <= next_valid;
    end

    always_ff @(posedge clk) begin
        if (en) begin
            data  <= next_data;
            first <= next_first;
            last  <= next_last;
        end
    end

    mvau_rom #(
        .WIDTH(W_WIDTH), .DEPTH(DEPTH), .BLOCK_RAM(BLOCK_RAM), .FILE(WEIGHTS)
    ) weight_memory (
        .clk, .en, .address, .data(weights)
    );

endmodule
