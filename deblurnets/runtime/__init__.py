"""What the computer has: cores, memory, bfloat16; work cut to fit."""
