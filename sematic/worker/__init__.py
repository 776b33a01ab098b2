"""The program that runs one function: claim an attempt, load its arguments, run the body, commit the result."""
