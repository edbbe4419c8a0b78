"""A photographer's studio made of arithmetic: shapes, materials, light and products."""
