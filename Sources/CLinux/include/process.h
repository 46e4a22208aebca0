// Process creation and confinement.
#pragma once
