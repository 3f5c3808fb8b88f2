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

    localparam int BEAT_BITS  = (BEATS == 1) ? 1 : $clog2(BEATS);
    localparam int DEPTH      = BEATS * PASSES;
    localparam int DEPTH_BITS = (DEPTH == 1) ? 1 : $clog2(DEPTH);

    logic [W-1:0] next_data;
    logic         next_valid;
    replay_buffer #(.W(W), .BEATS(BEATS), .PASSES(PASSES)) replay (
        .clk, .rst_n, .in_data, .in_valid, .in_ready,
        .out_data(next_data), .out_valid(next_valid), .out_ready(en)
    );

    logic [DEPTH_BITS-1:0] address;
    logic [BEAT_BITS-1:0]  next_beat;  // index of the beat in data after the next move
    logic next_last, address_end;
    assign next_last   = next_beat == BEAT_BITS'(BEATS - 1);
    assign address_end = address == DEPTH_BITS'(DEPTH - 1);
    always_ff @(posedge clk) begin
        if (!rst_n) begin
            next_beat <= '0;
            address   <= '0;
            valid     <= 1'b0;
        end else if (en) begin
            valid <= next_valid;
            if (next_valid) begin
                next_beat <= next_last ? '0 : next_beat + 1'b1;
                address   <= address_end ? '0 : address + 1'b1;
            end
        end
    end

    always_ff @(posedge clk) begin
        if (en) begin
            data  <= next_data;
            first <= next_beat == '0;
            last  <= next_last;
        end
    end

    mvau_rom #(
        .WIDTH(W_WIDTH), .DEPTH(DEPTH), .BLOCK_RAM(BLOCK_RAM), .FILE(WEIGHTS)
    ) weight_memory (
        .clk, .en, .address, .data(weights)
    );

endmodule
