// Replay buffer: takes a vector of BEATS beats once and outputs it PASSES times. It holds two
// vectors, so the next one can come in at any pace while this one is replayed, and vectors leave
// without gaps. A beat can leave in the cycle after it came in. in_ready depends on flip-flops
// only.

module replay_buffer #(
    parameter int W      = 8,  // width of a beat in bits, at least 1
    parameter int BEATS  = 4,  // of a vector, at least 1
    parameter int PASSES = 2   // how often a vector is output, at least 1
) (
    input  logic         clk,
    input  logic         rst_n,      // synchronous, active low

    input  logic [W-1:0] in_data,    // each beat of a vector once
    input  logic         in_valid,
    output logic         in_ready,

    output logic [W-1:0] out_data,   // each vector PASSES times
    output logic         out_valid,
    input  logic         out_ready
);

    if (W < 1) begin : check_w
        $error("replay_buffer: W = %0d, must be at least 1", W);
    end
    if (BEATS < 1) begin : check_beats
        $error("replay_buffer: BEATS = %0d, must be at least 1", BEATS);
    end
    if (PASSES < 1) begin : check_passes
        $error("replay_buffer: PASSES = %0d, must be at least 1", PASSES);
    end

    localparam int PASS_BITS = (PASSES == 1) ? 1 : $clog2(PASSES);
    logic [PASS_BITS-1:0] pass;
    logic pass_end;
    assign pass_end = pass == PASS_BITS'(PASSES - 1);

    if (BEATS == 1 && PASSES > 1) begin : registers
        // A one-beat vector stays in the output register while it is replayed, and the next one
        // waits in a second register. A memory would need LUTs.
        logic [W-1:0] waiting;
        logic         waits;
        logic take, leave;
        assign in_ready = !waits;
        assign leave    = out_valid && out_ready;
        assign take     = waits && (!out_valid || (leave && pass_end));

        always_ff @(posedge clk) begin
            if (!rst_n) begin
                waits     <= 1'b0;
                out_valid <= 1'b0;
                pass      <= '0;
            end else begin
                if (in_ready) waits <= in_valid;
                else if (take) waits <= 1'b0;
                if (leave) pass <= pass_end ? '0 : pass + 1'b1;
                if (take) out_valid <= 1'b1;
                else if (leave && pass_end) out_valid <= 1'b0;
            end
        end
        always_ff @(posedge clk) begin
            if (in_ready) waiting <= in_data;
            if (take) out_data <= waiting;
        end
    end else begin : vectors
        // Without replay there is no need to store a vector: two beats are enough.
        localparam int LENGTH     = (PASSES == 1) ? 1 : BEATS;
        localparam int INDEX_BITS = (LENGTH == 1) ? 1 : $clog2(LENGTH);
        localparam int DEPTH      = (LENGTH == 1) ? 2 : 2 << INDEX_BITS;
        localparam int DEPTH_BITS = $clog2(DEPTH);

        // Up to 128 beats, LUT-RAM is a smaller share of a device than a block RAM.
        localparam STYLE = (DEPTH <= 128) ? "distributed" : "block";
        (* ram_style = STYLE *) logic [W-1:0] memory[DEPTH];

        logic [1:0]            write_vector;  // modulo 4: the slot, and a wrap bit
        logic [1:0]            read_vector;
        logic [INDEX_BITS-1:0] write_index;
        logic [INDEX_BITS-1:0] read_index;

        logic [DEPTH_BITS-1:0] write_address;
        logic [DEPTH_BITS-1:0] read_address;
        if (LENGTH == 1) begin : single
            assign write_address = write_vector[0];
            assign read_address  = read_vector[0];
        end else begin : several
            assign write_address = {write_vector[0], write_index};
            assign read_address  = {read_vector[0], read_index};
        end

        logic write, readable, read;
        assign in_ready = (write_vector - read_vector) != 2'd2;
        assign write    = in_valid && in_ready;
        assign readable = (write_vector != read_vector) || (write_index != read_index);
        assign read     = readable && (!out_valid || out_ready);

        logic write_end, read_end;
        assign write_end = write_index == INDEX_BITS'(LENGTH - 1);
        assign read_end  = read_index == INDEX_BITS'(LENGTH - 1);

        always_ff @(posedge clk) begin
            if (!rst_n) begin
                write_vector <= '0;
                write_index  <= '0;
                read_vector  <= '0;
                read_index   <= '0;
                pass         <= '0;
                out_valid    <= 1'b0;
            end else begin
                if (write) begin
                    write_index <= write_end ? '0 : write_index + 1'b1;
                    if (write_end) write_vector <= write_vector + 1'b1;
                end
                if (read) begin
                    read_index <= read_end ? '0 : read_index + 1'b1;
                    if (read_end) begin
                        pass <= pass_end ? '0 : pass + 1'b1;
                        if (pass_end) read_vector <= read_vector + 1'b1;
                    end
                end
                if (!out_valid || out_ready) out_valid <= readable;
            end
        end

        always_ff @(posedge clk) begin
            if (write) memory[write_address] <= in_data;
            if (read) out_data <= memory[read_address];
        end
    end

endmodule
